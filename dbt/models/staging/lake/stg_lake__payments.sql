select
    business_date,
    payment_id,
    book_id,
    kind,
    uetr,
    event_at,
    value_date,
    currency,
    amount_minor,
    debtor_agent,
    creditor_agent,
    counter_currency,
    counter_amount_minor,
    channel,
    merchant_category
from {{ source('lake', 'payments') }}
