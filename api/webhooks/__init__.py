"""Webhooks: clients are told what happens in their books (Standard Webhooks)."""
