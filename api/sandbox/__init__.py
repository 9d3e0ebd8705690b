"""The sandbox over HTTP: test clocks, a fresh start, and amounts that produce every outcome."""
