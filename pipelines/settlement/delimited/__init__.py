"""Delimited files: bank statements and providers' reports read, batches of payments written.

Belongs here: one engine, and layouts as YAML in `layouts/`. A layout says which file it is of, which
public documentation it follows, and which column is what.
"""
