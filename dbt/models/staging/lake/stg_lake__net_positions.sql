select
    business_date,
    ref,
    window_id,
    currency,
    participant_id,
    owes_minor,
    is_owed_minor,
    net_minor,
    obligations
from {{ source('lake', 'net_positions') }}
