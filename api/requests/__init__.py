"""What every request passes before its route: identified, limited, counted, and answered in time."""
