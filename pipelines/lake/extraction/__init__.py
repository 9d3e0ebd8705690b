"""The close's way out of the ledger: columnar, in one snapshot, below a watermark."""
