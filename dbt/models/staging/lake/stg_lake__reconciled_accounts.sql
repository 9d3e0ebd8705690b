select
    business_date,
    participant_id,
    counterparty_id,
    book_id,
    account_id,
    currency,
    ledger_items,
    stated_items,
    matched_items,
    breaks,
    ledger_closing_minor,
    stated_closing_minor,
    rounding_minor,
    unexplained_minor
from {{ source('lake', 'reconciled_accounts') }}
