"""Model, features and scores, as Dagster assets with their checks."""
