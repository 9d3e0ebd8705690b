-- Net positions beside what the obligations alone say. One that only one side knows counts as zero on
-- the other.
select
    coalesce(netted.business_date, summed.business_date) as business_date,
    coalesce(netted.window_id, summed.window_id) as window_id,
    coalesce(netted.currency, summed.currency) as currency,
    coalesce(netted.participant_id, summed.participant_id) as participant_id,
    coalesce(netted.owes_minor, 0) as owes_minor,
    coalesce(netted.is_owed_minor, 0) as is_owed_minor,
    coalesce(summed.owes_minor, 0) as owes_by_obligations_minor,
    coalesce(summed.is_owed_minor, 0) as is_owed_by_obligations_minor
from {{ ref('stg_lake__net_positions') }} as netted
full outer join {{ ref('int_net_positions__from_obligations') }} as summed
    on summed.business_date = netted.business_date
    and summed.window_id = netted.window_id
    and summed.currency = netted.currency
    and summed.participant_id = netted.participant_id
