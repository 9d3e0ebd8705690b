-- Each account's balance on its normal side at the close of the day, and its net as debit minus credit.
select
    business_date,
    book_id,
    account_id,
    participant_id,
    chart_code,
    chart_name,
    normal_side,
    currency,
    case
        when normal_side = 'D' then debits_posted - credits_posted
        else credits_posted - debits_posted
    end as balance_minor,
    case
        when normal_side = 'D' then debits_posted - credits_posted - credits_pending
        else credits_posted - debits_posted - debits_pending
    end as available_minor,
    debits_posted - credits_posted as debit_net_minor,
    debits_pending as pending_debits_minor,
    credits_pending as pending_credits_minor,
    version
from {{ ref('stg_lake__accounts') }}
