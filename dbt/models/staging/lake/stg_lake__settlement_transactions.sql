select
    business_date,
    ref,
    message_id,
    end_to_end_id,
    transaction_id,
    uetr,
    currency,
    amount_minor,
    debtor_agent,
    creditor_agent,
    payment_id,
    net_ref
from {{ source('lake', 'settlement_transactions') }}
