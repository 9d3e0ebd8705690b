COMMENT ON SCHEMA gateway IS 'What the API keeps beside the books.';
