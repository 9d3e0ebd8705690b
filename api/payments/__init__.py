"""Payments from wallet to wallet, also between the books of two participants."""
