select
    business_date,
    ref,
    book_id,
    account_id,
    feature,
    feature_version,
    value
from {{ source('lake', 'features') }}
