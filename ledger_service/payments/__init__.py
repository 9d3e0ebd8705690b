"""Payment instructions: the import format, quarantine, and their booking as transfers."""
