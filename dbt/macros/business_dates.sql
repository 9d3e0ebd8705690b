{#
  The business dates that a run rebuilds. With the variables `from_date` and `to_date` an incremental
  mart forgets those dates and writes them again, in one transaction; without them it starts afresh.
  Forgetting comes first, and is not left to a unique key, because a date that has no rows any more
  (every break resolved) must lose its old ones.
#}
{% macro in_business_dates(column) -%}
  {{ column }} between cast('{{ var("from_date") }}' as date)
    and cast('{{ var("to_date") or var("from_date") }}' as date)
{%- endmacro %}

{% macro wanted_dates(column='business_date') -%}
  {% if is_incremental() and var('from_date') %}{{ in_business_dates(column) }}{% else %}1 = 1{% endif %}
{%- endmacro %}

{% macro forget_business_dates() -%}
  {%- if is_incremental() -%}
    {%- if var('from_date') -%}
      delete from {{ this }} where {{ in_business_dates('business_date') }}
    {%- else -%}
      truncate table {{ this }}
    {%- endif -%}
  {%- endif -%}
{%- endmacro %}

{# Tests of a run for some business dates look at those dates; dimensions have none. #}
{% macro get_where_subquery(relation) -%}
  {%- set conditions = [] -%}
  {%- if config.get('where') -%}{%- do conditions.append(config.get('where')) -%}{%- endif -%}
  {%- if var('from_date') and not relation.identifier.startswith('dim_') -%}
    {%- do conditions.append(in_business_dates('business_date')) -%}
  {%- endif -%}
  {%- if conditions -%}
    (select * from {{ relation }} where {{ conditions | join(' and ') }}) dbt_subquery
  {%- else -%}
    {{ relation }}
  {%- endif -%}
{%- endmacro %}
