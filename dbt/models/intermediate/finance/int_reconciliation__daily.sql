-- The morning's question in one row a participant, counterparty and currency: what was reconciled,
-- what is open, how old. A pair that has only breaks, or only matches, has its row too.
select
    business_date,
    participant_id,
    counterparty_id,
    currency,
    sum(accounts) as accounts,
    sum(ledger_items) as ledger_items,
    sum(stated_items) as stated_items,
    sum(matched_items) as matched_items,
    sum(open_breaks) as open_breaks,
    sum(breaks_over_7_days) as breaks_over_7_days,
    max(oldest_break_days) as oldest_break_days,
    sum(difference_minor) as difference_minor,
    sum(exposure_minor) as exposure_minor,
    sum(rounding_minor) as rounding_minor,
    sum(unexplained_minor) as unexplained_minor
from (
    select
        business_date, participant_id, counterparty_id, currency,
        1 as accounts, ledger_items, stated_items, matched_items,
        0 as open_breaks, 0 as breaks_over_7_days, 0 as oldest_break_days,
        0 as difference_minor, 0 as exposure_minor,
        rounding_minor, abs(unexplained_minor) as unexplained_minor
    from {{ ref('stg_lake__reconciled_accounts') }}
    union all
    select
        business_date, participant_id, counterparty_id, currency,
        0 as accounts, 0 as ledger_items, 0 as stated_items, 0 as matched_items,
        1 as open_breaks,
        case when age_days > 7 then 1 else 0 end as breaks_over_7_days,
        age_days as oldest_break_days,
        difference_minor, exposure_minor,
        0 as rounding_minor, 0 as unexplained_minor
    from {{ ref('int_reconciliation_breaks__aged') }}
) as items
group by business_date, participant_id, counterparty_id, currency
