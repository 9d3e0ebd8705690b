SELECT s.business_date, s.book_id, s.account_id, s.payment_id::text AS payment_id, s.currency, s.stated_balance_minor,
    s.source_file, s.source_row
FROM payments.stated_balance s
WHERE s.book_id = ANY ({book_ids}) AND s.business_date BETWEEN {first} AND {last}
