{{ config(materialized='table', indexes=[]) }}

select
    feature,
    feature_version,
    min(business_date) as first_observed_on,
    max(business_date) as last_observed_on,
    count(*) as observations,
    count(*) - count(value) as missing,
    min(value) as minimum,
    avg(value) as mean,
    max(value) as maximum
from {{ ref('fct_features') }}
group by feature, feature_version
