select
    business_date,
    return_id,
    return_version,
    participant_id,
    currency,
    {{ adapter.quote('check') }} as check_id,
    subject,
    left_minor,
    right_minor,
    message
from {{ source('lake', 'return_violations') }}
