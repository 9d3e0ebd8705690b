"""What enters and leaves, checked by Great Expectations."""
