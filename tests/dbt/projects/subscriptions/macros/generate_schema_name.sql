{% macro generate_schema_name(custom, node) %}{{ custom | trim if custom else target.schema }}{% endmacro %}
