"""The tables as they stand: songs with their probes, play counts, and which songs are held out."""
