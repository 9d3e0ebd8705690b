"""Features: declared definitions, the rows they see, and their values as known on a business date."""
