select
    cells.business_date,
    cells.ref,
    cells.return_id,
    cells.return_version,
    cells.participant_id,
    cells.currency,
    cells.cell,
    cells.label,
    cells.unit,
    cells.value,
    coalesce(evidence.ledger_entries, 0) as ledger_entries
from {{ ref('stg_lake__return_cells') }} as cells
left join ({{ ledger_entries_by_ref(ref('stg_lake__regulatory_evidence')) }}) as evidence
    on evidence.business_date = cells.business_date
    and evidence.ref = cells.ref
where {{ wanted_dates('cells.business_date') }}
