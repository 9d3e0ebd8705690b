{{ config(materialized='table', indexes=[{'columns': ['book_id', 'account_id']}]) }}

select
    book_id,
    account_id,
    participant_id,
    {{ masked_reference('external_ref') }} as external_ref_masked,
    chart_code,
    chart_name,
    normal_side,
    currency,
    counterparty_id,
    party_id,
    party_kind,
    opened_on,
    business_date as last_seen_on
from ({{ last_seen(ref('stg_lake__accounts'), ['book_id', 'account_id']) }}) as latest
