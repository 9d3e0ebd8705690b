"""Settlement files, as Dagster assets with their checks."""
