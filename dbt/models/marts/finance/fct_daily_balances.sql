select
    business_date,
    book_id,
    account_id,
    participant_id,
    chart_code,
    chart_name,
    normal_side,
    currency,
    balance_minor,
    available_minor,
    pending_debits_minor,
    pending_credits_minor,
    version
from {{ ref('int_accounts__balances') }}
where {{ wanted_dates() }}
