select
    fired.business_date,
    fired.ref as alert_ref,
    fired.book_id,
    fired.transfer_id,
    fired.account_id,
    fired.version,
    fired.side,
    transfers.kind,
    transfers.payment_id,
    transfers.currency,
    fired.amount_minor,
    fired.event_at,
    transfers.booked_at
from {{ ref('stg_lake__alert_transfers') }} as fired
left join {{ ref('stg_lake__transfers') }} as transfers
    on transfers.book_id = fired.book_id
    and transfers.transfer_id = fired.transfer_id
where {{ wanted_dates('fired.business_date') }}
