select
    alerts.business_date,
    alerts.ref,
    alerts.rule_id,
    alerts.rule_version,
    alerts.typology,
    alerts.severity,
    alerts.participant_id,
    alerts.book_id,
    alerts.account_id,
    alerts.party_id,
    alerts.currency,
    alerts.amount_minor,
    alerts.transfers,
    alerts.first_event_at,
    alerts.last_event_at,
    alerts.explanation,
    coalesce(evidence.ledger_entries, 0) as ledger_entries
from {{ ref('stg_lake__alerts') }} as alerts
left join ({{ ledger_entries_by_ref(ref('stg_lake__aml_evidence')) }}) as evidence
    on evidence.business_date = alerts.business_date
    and evidence.ref = alerts.ref
where {{ wanted_dates('alerts.business_date') }}
