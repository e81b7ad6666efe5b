"""An encoder and its weights as saved, and what it predicts for songs."""
