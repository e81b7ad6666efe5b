"""Deliveries: songs, plays or both, as they came; checked, taken in whole, then never changed."""

from earshot.deliveries.feedback import feedback_files, read_feedback
from earshot.deliveries.index import Delivery, read_index
from earshot.deliveries.plays import delivered_plays, play_files, read_plays
from earshot.deliveries.songs import named_songs, read_song_ids, read_songs

__all__ = [
    "Delivery",
    "delivered_plays",
    "feedback_files",
    "named_songs",
    "play_files",
    "read_feedback",
    "read_index",
    "read_plays",
    "read_song_ids",
    "read_songs",
]
