"""Dagster definitions over the pure functions of the floors below, and the command line."""
