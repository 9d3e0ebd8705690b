"""Statements of accounts between two times."""
