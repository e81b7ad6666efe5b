"""Audio files decoded and probed, whatever is wrong with them."""
