"""The close's way out of the ledger: columnar, in one snapshot, of closed dates."""
