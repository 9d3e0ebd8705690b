"""Matches and breaks, as Dagster assets with their checks."""
