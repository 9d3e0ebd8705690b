{% for intake, table in [('payments', 'quarantine'), ('statements', 'statement_quarantine')] %}
select
    business_date,
    '{{ intake }}' as intake,
    source_file,
    {{ adapter.quote('row') }} as source_row,
    field,
    code
from {{ source('lake', table) }}
{{ 'union all' if not loop.last }}
{% endfor %}
