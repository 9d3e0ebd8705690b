select
    business_date,
    intake,
    source_file,
    field,
    code,
    count(*) as refused_rows,
    min(source_row) as first_row,
    max(source_row) as last_row
from {{ ref('stg_lake__quarantine') }}
where {{ wanted_dates() }}
group by business_date, intake, source_file, field, code
