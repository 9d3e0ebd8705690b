{{ config(meta={"dagster": {"ref": {"name": "stg_lake__accounts"}}}) }}
-- An account that moved during the day closes with the totals that its last entry carries.
select accounts.business_date, accounts.book_id, accounts.account_id, accounts.version
from {{ ref('stg_lake__entries') }} as entries
inner join {{ ref('stg_lake__accounts') }} as accounts
    on accounts.business_date = entries.business_date
    and accounts.book_id = entries.book_id
    and accounts.account_id = entries.account_id
    and accounts.version = entries.version
where (
        accounts.debits_posted <> entries.debits_posted_after
        or accounts.credits_posted <> entries.credits_posted_after
        or accounts.debits_pending <> entries.debits_pending_after
        or accounts.credits_pending <> entries.credits_pending_after
    )
    {% if var('from_date') %}and {{ in_business_dates('accounts.business_date') }}{% endif %}
