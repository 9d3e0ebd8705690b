select
    business_date,
    ref,
    book_id,
    account_id,
    participant_id,
    party_id,
    model_id,
    probability_of_default,
    score,
    reason_1,
    reason_2,
    reason_3
from {{ source('lake', 'scores') }}
