{# Every row has its counterpart by a key of several columns. #}
{% test refers_to(model, to, columns) %}
select child.*
from (select * from {{ model }}) as child
left join (select distinct {{ columns | join(', ') }} from {{ to }}) as parent
  on {% for column in columns %}{{ 'and ' if not loop.first }}child.{{ column }} = parent.{{ column }} {% endfor %}
where parent.{{ columns[0] }} is null
{% endtest %}
