"""Van den Oord, Dieleman, Schrauwen: Deep content-based music recommendation (NIPS 2013)."""
