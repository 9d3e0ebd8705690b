SELECT payment_id::text, kind, event_at, value_date, currency, amount_minor, debtor_agent, debtor_account, debtor_name,
    creditor_agent, creditor_account, creditor_name, counter_currency, counter_amount_minor, end_to_end_id, purpose, channel,
    merchant_category, source_file, source_row
FROM payments.payment
WHERE payment_id = ANY (%s::text[]::uuid[])
