select
    business_date,
    participant_id,
    model_id,
    reason_rank,
    reason,
    count(*) as scores
from {{ ref('int_score_reasons__ranked') }}
where {{ wanted_dates() }}
group by business_date, participant_id, model_id, reason_rank, reason
