"""Regulatory returns: declarative templates, cells that drill down to ledger entries."""
