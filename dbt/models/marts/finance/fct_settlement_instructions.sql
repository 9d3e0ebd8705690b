select
    known.business_date,
    known.instruction_id,
    known.scheme_id,
    known.window_date,
    known.window_id,
    known.run,
    known.participant_id,
    known.currency,
    known.direction,
    known.amount_minor,
    known.state,
    known.attempt,
    known.code,
    known.reason,
    known.reference,
    known.retry_at,
    known.at as state_since,
    known.net_ref
from {{ ref('stg_lake__settlement_finality') }} as known
where {{ wanted_dates('known.business_date') }}
