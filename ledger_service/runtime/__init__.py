"""Ground floor: settings, database, embedded PostgreSQL, logging."""
