"""Deliveries: songs, plays or both, as they came; checked, taken in whole, then never changed."""

from earshot.deliveries.index import Delivery, read_index
from earshot.deliveries.reading import (
    delivered_plays,
    feedback_files,
    first_named,
    play_files,
    read_feedback,
    read_plays,
    read_song_ids,
    read_songs,
)

__all__ = [
    "Delivery",
    "delivered_plays",
    "feedback_files",
    "first_named",
    "play_files",
    "read_feedback",
    "read_index",
    "read_plays",
    "read_song_ids",
    "read_songs",
]
