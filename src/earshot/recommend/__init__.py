"""Vectors of songs and listeners as they are served, and the lists made of them."""
