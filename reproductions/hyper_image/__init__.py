"""The hyper-image paper: the genre of a song, told from its hyper-image by a convolutional network."""
