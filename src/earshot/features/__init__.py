"""From samples to the rows of a hyper-image: the only package that knows librosa."""
