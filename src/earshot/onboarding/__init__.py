"""From a delivery to recommendations with the released model, without Dagster; and how long that took."""
