select
    business_date,
    ref,
    book_id,
    transfer_id,
    account_id,
    version,
    side,
    amount_minor,
    event_at
from {{ source('lake', 'alert_transfers') }}
