"""Burke: Hybrid recommender systems (2002), and item neighbourhoods, of songs with few listeners."""
