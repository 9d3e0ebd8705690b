-- The trial balance: per book and currency one row a line of the chart, its net on the side it fell.
select
    business_date,
    book_id,
    participant_id,
    chart_code,
    chart_name,
    normal_side,
    currency,
    count(*) as accounts,
    sum(debit_net_minor) as net_minor,
    case when sum(debit_net_minor) > 0 then sum(debit_net_minor) else 0 end as debit_balance_minor,
    case when sum(debit_net_minor) < 0 then -sum(debit_net_minor) else 0 end as credit_balance_minor
from {{ ref('int_accounts__balances') }}
group by
    business_date, book_id, participant_id, chart_code, chart_name, normal_side, currency
