SELECT book_id, account_id, version
FROM activity
WHERE is_new AND amount_minor >= $least_minor
