select
    business_date,
    ref,
    rule_id,
    rule_version,
    typology,
    severity,
    participant_id,
    book_id,
    account_id,
    party_id,
    currency,
    amount_minor,
    transfers,
    first_event_at,
    last_event_at,
    explanation
from {{ source('lake', 'alerts') }}
