-- Features as they stood on the last business date of each month, the observation points of credit
-- work; of the month that is running, on its last date so far.
select
    features.business_date,
    features.ref,
    features.book_id,
    features.account_id,
    features.feature,
    features.feature_version,
    features.value
from {{ ref('stg_lake__features') }} as features
inner join (
    select max(business_date) as business_date
    from (select distinct business_date from {{ ref('stg_lake__features') }}) as dates
    group by {{ dbt.date_trunc('month', 'business_date') }}
) as month_ends
    on month_ends.business_date = features.business_date
