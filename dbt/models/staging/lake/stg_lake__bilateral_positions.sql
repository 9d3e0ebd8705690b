select
    business_date,
    ref,
    window_id,
    currency,
    debtor_id,
    creditor_id,
    owed_by_debtor_minor,
    owed_by_creditor_minor,
    net_minor,
    obligations
from {{ source('lake', 'bilateral_positions') }}
