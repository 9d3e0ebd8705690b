select
    positions.business_date,
    positions.ref,
    positions.window_id,
    positions.currency,
    positions.participant_id,
    positions.owes_minor,
    positions.is_owed_minor,
    positions.net_minor,
    case
        when positions.net_minor > 0 then 'receives'
        when positions.net_minor < 0 then 'pays'
        else 'flat'
    end as direction,
    positions.obligations,
    coalesce(evidence.ledger_entries, 0) as ledger_entries
from {{ ref('stg_lake__net_positions') }} as positions
left join ({{ ledger_entries_by_ref(ref('stg_lake__netting_evidence')) }}) as evidence
    on evidence.business_date = positions.business_date
    and evidence.ref = positions.ref
where {{ wanted_dates('positions.business_date') }}
