"""How well songs that nobody has played are ranked: the question, metrics, intervals, warm-up, drift."""
