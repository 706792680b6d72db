{#
  dbt's four generic tests, changed in two ways: they look only at the partitions being built, and the rows they
  return keep `_partition`, so that a failure can be attributed to the days that caused it.

  A table takes part if it is built by the strategy `partition_overwrite`; every other model is tested as dbt does.
#}
{% macro tested_node() %}
    {%- if execute and model.attached_node and model.attached_node in graph.nodes -%}
        {{ return(graph.nodes[model.attached_node]) }}
    {%- endif -%}
    {{ return(none) }}
{% endmacro %}

{% macro is_partitioned_test() %}
    {%- set node = tested_node() -%}
    {{ return(node is not none and node.config.incremental_strategy == 'partition_overwrite') }}
{% endmacro %}

{% macro default__get_where_subquery(relation) -%}
    {%- set conditions = [] -%}
    {%- if config.get('where', '') -%}{%- do conditions.append('(' ~ config.get('where') ~ ')') -%}{%- endif -%}
    {%- set node = tested_node() -%}
    {%- if is_partitioned_test() and relation.identifier == node.alias and relation.schema == node.schema -%}
        {%- do conditions.append(in_partitions()) -%}
    {%- endif -%}
    {%- if conditions -%}
        {% do return('(select * from ' ~ relation ~ ' where ' ~ conditions | join(' and ') ~ ') dbt_subquery') %}
    {%- endif -%}
    {% do return(relation) %}
{%- endmacro %}

{% macro default__test_not_null(model, column_name) %}
    select * from {{ model }} where {{ column_name }} is null
{% endmacro %}

{% macro default__test_accepted_values(model, column_name, values, quote=True) %}
    select * from {{ model }}
    where {{ column_name }} not in (
        {%- for value in values -%}
            {{ "'" ~ (value | string | replace("'", "''")) ~ "'" if quote else value }}{{ ', ' if not loop.last }}
        {%- endfor -%}
    )
{% endmacro %}

{% macro default__test_relationships(model, column_name, to, field) %}
    with child as (select * from {{ model }})
    select child.* from child
    where child.{{ column_name }} is not null
      and not exists (select 1 from {{ to }} as parent where parent.{{ field }} = child.{{ column_name }})
{% endmacro %}

{# a copy of a row of an older partition is a duplicate too: look for copies in the whole table #}
{% macro default__test_unique(model, column_name) %}
    {%- set node = tested_node() -%}
    {%- set everything = model -%}
    {%- if is_partitioned_test() -%}
        {%- set everything = api.Relation.create(
            database=node.database, schema=node.schema, identifier=node.alias) -%}
        {%- if config.get('where', '') -%}
            {%- set everything = '(select * from ' ~ everything ~ ' where ' ~ config.get('where') ~ ')' -%}
        {%- endif -%}
    {%- endif -%}
    select * from {{ model }}
    where {{ column_name }} in (
        select {{ column_name }} from {{ everything }} as everything
        where {{ column_name }} is not null
        group by {{ column_name }} having count(*) > 1
    )
{% endmacro %}
