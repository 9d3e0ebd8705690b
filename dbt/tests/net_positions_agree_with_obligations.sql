-- Two ways to the same positions, by netting and by summing the obligations, leave no difference.
-- A participant that netting lists with nothing owed either way needs no obligation.
select
    coalesce(netted.business_date, summed.business_date) as business_date,
    coalesce(netted.window_id, summed.window_id) as window_id,
    coalesce(netted.currency, summed.currency) as currency,
    coalesce(netted.participant_id, summed.participant_id) as participant_id,
    netted.net_minor,
    summed.net_minor as net_minor_of_obligations
from {{ ref('fct_net_positions') }} as netted
full outer join {{ ref('int_net_positions__from_obligations') }} as summed
    on summed.business_date = netted.business_date
    and summed.window_id = netted.window_id
    and summed.currency = netted.currency
    and summed.participant_id = netted.participant_id
where (
        coalesce(netted.owes_minor, 0) <> coalesce(summed.owes_minor, 0)
        or coalesce(netted.is_owed_minor, 0) <> coalesce(summed.is_owed_minor, 0)
    )
    {% if var('from_date') %}
    and {{ in_business_dates('coalesce(netted.business_date, summed.business_date)') }}
    {% endif %}
