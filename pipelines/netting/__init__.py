"""Netting: from interbank obligations to the least that must move, per window and currency."""
