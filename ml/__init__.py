"""Credit features and scores: point-in-time definitions, training, scoring, reasons."""
