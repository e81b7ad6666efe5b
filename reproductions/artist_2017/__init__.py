"""Park, Lee, Park, Ha, Nam: Representation learning of music using artist labels (2017, ISMIR 2018)."""
