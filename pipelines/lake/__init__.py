"""The lake: closed business days as Parquet, their schemas, their control totals, their evidence."""
