"""Stages run one after the other without Dagster: a delivery brought to recommendations, a new training."""
