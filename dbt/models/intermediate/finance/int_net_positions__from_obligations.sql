-- The net positions again, from the obligations alone: the second way that must give the same answer.
select
    business_date,
    window_id,
    currency,
    participant_id,
    sum(owes_minor) as owes_minor,
    sum(is_owed_minor) as is_owed_minor,
    sum(is_owed_minor) - sum(owes_minor) as net_minor,
    count(*) as obligations
from (
    select business_date, window_id, currency, debtor_id as participant_id,
        amount_minor as owes_minor, 0 as is_owed_minor
    from {{ ref('stg_lake__obligations') }}
    union all
    select business_date, window_id, currency, creditor_id as participant_id,
        0 as owes_minor, amount_minor as is_owed_minor
    from {{ ref('stg_lake__obligations') }}
) as sides
group by business_date, window_id, currency, participant_id
