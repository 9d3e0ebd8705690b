select
    business_date,
    ref,
    book_id,
    account_id,
    version_from,
    version_to
from {{ source('lake', 'netting_evidence') }}
