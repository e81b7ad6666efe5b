"""Deliveries: songs, plays or both, as they came; checked, taken in whole, then never changed."""

from earshot.deliveries.index import Delivery, read_index
from earshot.deliveries.plays import play_files, read_plays
from earshot.deliveries.songs import read_songs

__all__ = ["Delivery", "play_files", "read_index", "read_plays", "read_songs"]
