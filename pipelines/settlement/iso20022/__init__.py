"""ISO 20022 messages: written from payment batches, read into parts."""
