"""Net positions, as Dagster assets with their checks."""
