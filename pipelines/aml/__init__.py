"""AML sweeps: declarative rules over the lake, alerts with the transfers that fired them."""
