select
    business_date,
    ref,
    message_id,
    message_type,
    window_id,
    currency,
    sender_id,
    receiver_id,
    path,
    transactions,
    total_minor,
    sha256
from {{ source('lake', 'settlement_files') }}
