"""Extracting features: which songs share a shard, their images, and what stands beside these."""
