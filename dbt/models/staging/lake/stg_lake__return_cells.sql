select
    business_date,
    ref,
    return_id,
    return_version,
    participant_id,
    currency,
    cell,
    label,
    unit,
    value
from {{ source('lake', 'return_cells') }}
