select
    business_date,
    window_id,
    currency,
    debtor_id,
    creditor_id,
    amount_minor,
    payment_id,
    book_id,
    account_id,
    version
from {{ source('lake', 'obligations') }}
