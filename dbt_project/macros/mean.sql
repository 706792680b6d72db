{# The mean of whole numbers as a double, the same on every engine: PostgreSQL's avg of them is a rounded decimal #}
{% macro mean(expression) -%}
    cast(sum({{ expression }}) as double precision) / nullif(count({{ expression }}), 0)
{%- endmacro %}
