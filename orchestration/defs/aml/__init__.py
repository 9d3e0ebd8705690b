"""Alerts, as Dagster assets with their checks."""
