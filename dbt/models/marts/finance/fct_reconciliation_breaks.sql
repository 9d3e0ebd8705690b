select
    breaks.business_date,
    breaks.ref,
    breaks.break_class,
    breaks.participant_id,
    breaks.counterparty_id,
    breaks.book_id,
    breaks.account_id,
    breaks.external_ref_masked,
    breaks.currency,
    breaks.ledger_minor,
    breaks.stated_minor,
    breaks.difference_minor,
    breaks.exposure_minor,
    breaks.first_seen,
    breaks.age_days,
    breaks.ageing_bucket,
    breaks.owner,
    breaks.payment_id,
    breaks.statement_ref,
    coalesce(evidence.ledger_entries, 0) as ledger_entries
from {{ ref('int_reconciliation_breaks__aged') }} as breaks
left join ({{ ledger_entries_by_ref(ref('stg_lake__reconciliation_evidence')) }}) as evidence
    on evidence.business_date = breaks.business_date
    and evidence.ref = breaks.ref
where {{ wanted_dates('breaks.business_date') }}
