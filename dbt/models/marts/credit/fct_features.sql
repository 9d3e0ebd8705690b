{{ config(materialized='table') }}

select
    business_date,
    ref,
    book_id,
    account_id,
    feature,
    feature_version,
    value
from {{ ref('int_features__month_end') }}
