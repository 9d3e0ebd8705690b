"""Holds: money set aside on an account until it is captured, given back or the time is over."""
