select
    files.business_date,
    files.ref,
    files.message_id,
    files.message_type,
    files.window_id,
    files.currency,
    files.sender_id,
    files.receiver_id,
    files.path,
    files.transactions,
    files.total_minor,
    files.sha256,
    coalesce(evidence.ledger_entries, 0) as ledger_entries
from {{ ref('stg_lake__settlement_files') }} as files
left join ({{ ledger_entries_by_ref(ref('stg_lake__settlement_evidence')) }}) as evidence
    on evidence.business_date = files.business_date
    and evidence.ref = files.ref
where {{ wanted_dates('files.business_date') }}
