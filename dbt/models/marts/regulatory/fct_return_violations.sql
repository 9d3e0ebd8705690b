select
    business_date,
    return_id,
    return_version,
    participant_id,
    currency,
    check_id,
    subject,
    left_minor,
    right_minor,
    message
from {{ ref('stg_lake__return_violations') }}
where {{ wanted_dates() }}
