-- What was posted to each line of the chart during the day, a side each.
select
    entries.business_date,
    entries.book_id,
    accounts.chart_code,
    entries.currency,
    sum(case when entries.side = 'D' then entries.amount_minor else 0 end) as debits_minor,
    sum(case when entries.side = 'C' then entries.amount_minor else 0 end) as credits_minor
from {{ ref('stg_lake__entries') }} as entries
inner join {{ ref('stg_lake__accounts') }} as accounts
    on accounts.business_date = entries.business_date
    and accounts.book_id = entries.book_id
    and accounts.account_id = entries.account_id
group by entries.business_date, entries.book_id, accounts.chart_code, entries.currency
