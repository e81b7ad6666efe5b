"""Lee, Nam: Multi-level and multi-scale feature aggregation ... for music auto-tagging (2017)."""
