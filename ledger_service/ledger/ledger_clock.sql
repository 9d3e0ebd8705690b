-- The clock that books and that holds expire by.
SELECT clock_timestamp()
