"""Taste spaces: where songs and listeners are placed, so that scores are products of their vectors."""
