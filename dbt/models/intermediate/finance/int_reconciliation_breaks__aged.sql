-- Open breaks with the bucket of their age; the account number is masked.
select
    business_date,
    ref,
    break_class,
    participant_id,
    counterparty_id,
    book_id,
    account_id,
    {{ masked_reference('external_ref') }} as external_ref_masked,
    currency,
    ledger_minor,
    stated_minor,
    difference_minor,
    abs(difference_minor) as exposure_minor,
    first_seen,
    age_days,
    {{ ageing_bucket('age_days') }} as ageing_bucket,
    owner,
    payment_id,
    statement_ref
from {{ ref('stg_lake__reconciliation_breaks') }}
