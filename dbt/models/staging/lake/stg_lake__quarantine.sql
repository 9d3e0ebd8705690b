select
    business_date,
    source_file,
    {{ adapter.quote('row') }} as source_row,
    field,
    code
from {{ source('lake', 'quarantine') }}
