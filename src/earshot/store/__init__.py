"""Hyper-images on disk: shards, their index, and the one reader of windows."""
