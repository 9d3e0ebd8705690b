"""Raw tables and dbt, as Dagster assets with their checks."""
