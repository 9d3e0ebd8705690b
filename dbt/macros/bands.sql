{# Ageing of a break by calendar days since it was first seen: today's work, this week's, and so on. #}
{% macro ageing_bucket(age_days) -%}
  case
    when {{ age_days }} <= 1 then '00-01 days'
    when {{ age_days }} <= 7 then '02-07 days'
    when {{ age_days }} <= 30 then '08-30 days'
    when {{ age_days }} <= 90 then '31-90 days'
    else 'over 90 days'
  end
{%- endmacro %}

{# The five bands in which scores of 300 to 850 are commonly read (FICO's own names and limits). #}
{% macro score_band(score) -%}
  case
    when {{ score }} >= 800 then 'exceptional'
    when {{ score }} >= 740 then 'very good'
    when {{ score }} >= 670 then 'good'
    when {{ score }} >= 580 then 'fair'
    else 'poor'
  end
{%- endmacro %}
