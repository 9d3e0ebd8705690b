"""Assets and checks, one folder a subject."""
