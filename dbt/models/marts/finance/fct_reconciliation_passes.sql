select
    business_date,
    pass_id,
    counterparty_id,
    currency,
    count(*) as matched_items,
    cast(sum(ledger_minor) as numeric(38, 0)) as ledger_minor,
    cast(sum(stated_minor) as numeric(38, 0)) as stated_minor
from {{ ref('stg_lake__reconciliation_matches') }}
where {{ wanted_dates() }}
group by business_date, pass_id, counterparty_id, currency
