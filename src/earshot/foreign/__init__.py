"""Files that somebody else wrote, read in bounded time and memory: parquet, CSV, JSON, zip archives."""
