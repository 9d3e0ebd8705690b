select
    business_date,
    ref,
    pass_id,
    book_id,
    account_id,
    version,
    counterparty_id,
    statement_ref,
    payment_id,
    currency,
    ledger_minor,
    stated_minor,
    evidence,
    items,
    score
from {{ source('lake', 'reconciliation_matches') }}
