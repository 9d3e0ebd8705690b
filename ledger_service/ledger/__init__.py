"""Accounts, transfers, the posting kernel, balances, business days, sealing, verification."""
