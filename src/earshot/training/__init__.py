"""Training an encoder: what it is trained for (`objectives`), on what (`windows`), and how (`train`)."""
