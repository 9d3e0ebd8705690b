select
    totals.business_date,
    totals.control,
    totals.participant_id,
    totals.counterparty_id,
    totals.chart_name,
    totals.currency,
    totals.ours_minor,
    totals.theirs_minor,
    totals.difference_minor
from {{ ref('stg_lake__reconciled_totals') }} as totals
where {{ wanted_dates('totals.business_date') }}
