"""Transfers between two accounts of a book, and their reversals."""
