"""Adapters that turn an outside source into the import format."""
