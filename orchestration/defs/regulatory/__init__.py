"""Returns, as Dagster assets with their checks."""
