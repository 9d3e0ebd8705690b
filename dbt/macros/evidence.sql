{# How many ledger entries stand behind each ref: runs of an account's entries, both ends included. #}
{% macro ledger_entries_by_ref(evidence) -%}
  select
    business_date,
    ref,
    cast(sum(version_to - version_from + 1) as {{ dbt.type_bigint() }}) as ledger_entries
  from {{ evidence }}
  where {{ wanted_dates() }}
  group by business_date, ref
{%- endmacro %}
