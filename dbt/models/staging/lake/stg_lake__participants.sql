select
    business_date,
    participant_id,
    book_id,
    name,
    kind,
    country,
    bic,
    home_currency
from {{ source('lake', 'participants') }}
