"""Weighted matrix factorization and its exact row solves: the only place that knows implicit."""
