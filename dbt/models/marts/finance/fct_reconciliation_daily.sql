select
    business_date,
    participant_id,
    counterparty_id,
    currency,
    cast(accounts as {{ dbt.type_bigint() }}) as accounts,
    cast(ledger_items as {{ dbt.type_bigint() }}) as ledger_items,
    cast(stated_items as {{ dbt.type_bigint() }}) as stated_items,
    cast(matched_items as {{ dbt.type_bigint() }}) as matched_items,
    cast(open_breaks as {{ dbt.type_bigint() }}) as open_breaks,
    cast(breaks_over_7_days as {{ dbt.type_bigint() }}) as breaks_over_7_days,
    oldest_break_days,
    cast(difference_minor as numeric(38, 0)) as difference_minor,
    cast(exposure_minor as numeric(38, 0)) as exposure_minor,
    cast(coalesce(rounding_minor, 0) as numeric(38, 0)) as rounding_minor,
    cast(coalesce(unexplained_minor, 0) as numeric(38, 0)) as unexplained_minor
from {{ ref('int_reconciliation__daily') }}
where {{ wanted_dates() }}
