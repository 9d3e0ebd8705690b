"""Settlement of schemes in their operators' books: limits, windows, instructions, repairs."""
