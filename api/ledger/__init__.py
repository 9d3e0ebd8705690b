"""The ledger over HTTP, reads only."""
