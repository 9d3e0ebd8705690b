"""Banks as WGI talks to them: one interface, three transports, delivery exactly once."""
