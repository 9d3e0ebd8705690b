{{ config(meta={"dagster": {"ref": {"name": "stg_lake__settlement_files"}}}) }}
-- A file's control count and control total are those of the transactions in it.
select
    files.business_date,
    files.message_id,
    files.transactions,
    files.total_minor,
    inside.transactions as transactions_inside,
    inside.total_minor as total_minor_inside
from {{ ref('stg_lake__settlement_files') }} as files
left join (
    select business_date, message_id, count(*) as transactions, sum(amount_minor) as total_minor
    from {{ ref('stg_lake__settlement_transactions') }}
    group by business_date, message_id
) as inside
    on inside.business_date = files.business_date
    and inside.message_id = files.message_id
where (
        files.transactions <> coalesce(inside.transactions, 0)
        or files.total_minor <> coalesce(inside.total_minor, 0)
    )
    {% if var('from_date') %}and {{ in_business_dates('files.business_date') }}{% endif %}
