"""Reconciliation: the ledger against what banks state; every item matched, or a classified break."""
