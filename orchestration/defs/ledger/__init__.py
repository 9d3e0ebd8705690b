"""Intake and close, as Dagster assets with their checks."""
