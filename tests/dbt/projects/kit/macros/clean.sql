{% macro clean(column) %}trim(lower({{ column }})){% endmacro %}
