{# The date of a year, a month and a day, which are whole numbers of any size #}
{% macro date_of(year, month, day) -%}
    {{ return(adapter.dispatch('date_of')(year, month, day)) }}
{%- endmacro %}

{% macro default__date_of(year, month, day) -%}
    make_date(cast({{ year }} as integer), cast({{ month }} as integer), cast({{ day }} as integer))
{%- endmacro %}

{% macro snowflake__date_of(year, month, day) -%}
    date_from_parts(cast({{ year }} as integer), cast({{ month }} as integer), cast({{ day }} as integer))
{%- endmacro %}
