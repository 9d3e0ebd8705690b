-- The reasons of a score as rows, the strongest first; a reason that was not given has no row.
{% for rank in [1, 2, 3] %}
select
    business_date,
    ref as score_ref,
    participant_id,
    model_id,
    {{ rank }} as reason_rank,
    reason_{{ rank }} as reason
from {{ ref('stg_lake__scores') }}
where reason_{{ rank }} is not null
{{ 'union all' if not loop.last }}
{% endfor %}
