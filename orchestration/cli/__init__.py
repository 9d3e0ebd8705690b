"""The `wgi` command line: one module a command, over the same Dagster definitions that the UI shows."""
