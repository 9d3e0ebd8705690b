"""Accounts: opening and changing them, what they hold, what moved on them."""
