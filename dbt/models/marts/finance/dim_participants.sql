{{ config(materialized='table', indexes=[]) }}

select
    participant_id,
    book_id,
    name,
    kind,
    country,
    bic,
    home_currency,
    book_id is not null as has_book,
    business_date as last_seen_on
from ({{ last_seen(ref('stg_lake__participants'), ['participant_id']) }}) as latest
