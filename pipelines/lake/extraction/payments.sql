SELECT p.business_date, p.payment_id::text AS payment_id, p.book_id, p.kind, p.uetr::text AS uetr, p.end_to_end_id,
    p.event_at, p.value_date, p.currency, p.amount_minor, p.debtor_agent, p.debtor_account, p.debtor_name,
    p.creditor_agent, p.creditor_account, p.creditor_name, p.counter_currency, p.counter_amount_minor, p.purpose,
    p.channel, p.merchant_category, p.source_file, p.source_row
FROM payments.payment p
WHERE p.book_id = ANY ({book_ids}) AND p.business_date BETWEEN {first} AND {last} AND p.status = 'booked'
