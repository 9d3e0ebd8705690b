"""Fixed-width files by layout: written from payments, and read back.

Belongs here: one engine, and layouts as YAML in `layouts/`, among them the South African EFT format of
180 characters. A layout lists records and their fields; totals are declared, not programmed.
"""
