"""Parties: the programs and people that act, and what each may do."""
