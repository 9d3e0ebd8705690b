select
    business_date,
    rule_id,
    rule_version,
    typology,
    severity,
    currency,
    count(*) as alerts,
    count(distinct party_id) as parties,
    cast(sum(amount_minor) as numeric(38, 0)) as amount_minor,
    max(amount_minor) as largest_minor
from {{ ref('stg_lake__alerts') }}
where {{ wanted_dates() }}
group by business_date, rule_id, rule_version, typology, severity, currency
