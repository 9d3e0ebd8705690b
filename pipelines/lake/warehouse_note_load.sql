INSERT INTO raw.load_log (table_name, business_date, row_count, loaded_at)
VALUES (%s, %s, %s, %s)
ON CONFLICT (table_name, business_date)
DO UPDATE SET row_count = EXCLUDED.row_count, loaded_at = EXCLUDED.loaded_at
