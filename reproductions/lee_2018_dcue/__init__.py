"""Lee, Lee, Park, Nam: Deep content-user embedding model for music recommendation (DLRS 2018)."""
