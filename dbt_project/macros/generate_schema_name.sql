{# schemas are called staging, intermediate and marts, without a prefix: one warehouse is one environment #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}
