{#
  Readers may enter the schemas of the marts; which tables they may read there, the grants of the
  models say. Nothing lets them into the raw, staging and intermediate schemas.
#}
{% macro let_readers_in() -%}
  {%- set schemas = [] -%}
  {%- for model in (graph.nodes.values() if execute else []) if 'marts' in model.tags and model.resource_type == 'model' -%}
    {%- if model.schema not in schemas -%}{%- do schemas.append(model.schema) -%}{%- endif -%}
  {%- endfor -%}
  {%- for schema in schemas if adapter.check_schema_exists(target.database, schema) %}
    grant usage on schema {{ adapter.quote(schema) }}
      to {{ adapter.quote(env_var('WGI_WAREHOUSE_READER', 'wgi_analyst')) }};
  {%- endfor %}
{%- endmacro %}
