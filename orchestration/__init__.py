"""Dagster, generated from dvc.yaml: assets, checks, jobs, sensors, schedules."""
