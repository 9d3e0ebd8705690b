"""Participants: whose books there are."""
