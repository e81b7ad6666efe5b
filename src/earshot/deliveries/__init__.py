"""Deliveries: songs, plays or both, as they came; checked, taken in whole, then never changed."""

from earshot.deliveries.index import Delivery, read_index
from earshot.deliveries.plays import delivered_plays, play_files, read_plays
from earshot.deliveries.songs import read_song_ids, read_songs

__all__ = [
    "Delivery",
    "delivered_plays",
    "play_files",
    "read_index",
    "read_plays",
    "read_song_ids",
    "read_songs",
]
