"""Settlement: ISO 20022 files for net positions and for the customer payments behind them."""
