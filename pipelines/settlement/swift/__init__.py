"""SWIFT FIN messages: MT103 and MT202 written and read, MT94x statements written and read."""
