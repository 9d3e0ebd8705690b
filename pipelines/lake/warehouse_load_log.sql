-- The log of loads: which business date of which raw table was loaded when, and with how many rows.
CREATE SCHEMA IF NOT EXISTS raw;

CREATE TABLE IF NOT EXISTS raw.load_log (
    table_name    text NOT NULL,
    business_date date NOT NULL,
    row_count     bigint NOT NULL,
    loaded_at     timestamp with time zone NOT NULL,
    PRIMARY KEY (table_name, business_date)
);
