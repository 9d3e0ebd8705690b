{# The expression is true of every row; a row where it is unknown counts as failing. #}
{% test holds(model, expression) %}
select *
from {{ model }}
where not coalesce({{ expression }}, false)
{% endtest %}
