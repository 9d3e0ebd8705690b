select
    business_date,
    book_id,
    kind,
    channel,
    debtor_agent,
    creditor_agent,
    currency,
    count(*) as payments,
    cast(sum(amount_minor) as numeric(38, 0)) as amount_minor,
    max(amount_minor) as largest_minor
from {{ ref('stg_lake__payments') }}
where {{ wanted_dates() }}
group by business_date, book_id, kind, channel, debtor_agent, creditor_agent, currency
