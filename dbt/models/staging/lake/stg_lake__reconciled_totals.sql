select
    business_date,
    control,
    participant_id,
    counterparty_id,
    chart_name,
    currency,
    ours_minor,
    theirs_minor,
    difference_minor
from {{ source('lake', 'reconciled_totals') }}
