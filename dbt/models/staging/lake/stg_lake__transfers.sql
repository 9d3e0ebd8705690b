select
    business_date,
    book_id,
    transfer_id,
    debit_account_id,
    credit_account_id,
    currency,
    amount_minor,
    phase,
    pending_id,
    reverses_id,
    kind,
    payment_id,
    event_at,
    booked_at,
    value_date
from {{ source('lake', 'transfers') }}
