{# The rows of a daily table as they were last seen, one a key. #}
{% macro last_seen(relation, key) -%}
  select *
  from (
    select
      source.*,
      row_number() over (partition by {{ key | join(', ') }} order by business_date desc) as recency
    from {{ relation }} as source
  ) as ranked
  where recency = 1
{%- endmacro %}
