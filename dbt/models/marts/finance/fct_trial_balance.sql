select
    balances.business_date,
    balances.book_id,
    balances.participant_id,
    balances.chart_code,
    balances.chart_name,
    balances.normal_side,
    balances.currency,
    balances.accounts,
    cast(balances.debit_balance_minor as numeric(38, 0)) as debit_balance_minor,
    cast(balances.credit_balance_minor as numeric(38, 0)) as credit_balance_minor,
    cast(balances.net_minor as numeric(38, 0)) as net_minor,
    cast(coalesce(turnover.debits_minor, 0) as numeric(38, 0)) as turnover_debits_minor,
    cast(coalesce(turnover.credits_minor, 0) as numeric(38, 0)) as turnover_credits_minor
from {{ ref('int_chart_lines__trial_balance') }} as balances
left join {{ ref('int_chart_lines__turnover') }} as turnover
    on turnover.business_date = balances.business_date
    and turnover.book_id = balances.book_id
    and turnover.chart_code = balances.chart_code
    and turnover.currency = balances.currency
where {{ wanted_dates('balances.business_date') }}
