{# The last four characters of an account number: enough to recognise it, too little to use it. #}
{% macro masked_reference(column) -%}
  case
    when {{ column }} is null then null
    else {{ dbt.concat(["'***'", dbt.right(column, 4)]) }}
  end
{%- endmacro %}
