{#
  A condition that limits a select to the partitions being built.

  DbtModels passes their keys in the variable `platform_partitions`; without it (plain `dbt build`) everything
  that is in the upstream tables is built. `column` may be any expression that gives the partition key, such as
  "strftime(flight_date, '%Y-%m-01')" for a monthly model over daily data. Without one it is the column `_partition`.
#}
{% macro in_partitions(column=none) -%}
    {%- set column = column or adapter.quote('_partition') -%}
    {%- set keys = platform_partition_keys() -%}
    {%- if keys is none -%}
        true
    {%- elif keys | length == 0 -%}
        false
    {%- else -%}
        {{ column }} in (
            {%- for key in keys -%}'{{ key | replace("'", "''") }}'{{ ',' if not loop.last }}{%- endfor -%}
        )
    {%- endif -%}
{%- endmacro %}

{#
  The keys for the node at hand: `platform_partitions` is {"default": [...], "by_node": {unique id: [...]}}, where
  `by_node` has the models that must leave out partitions which are blocked upstream.
#}
{% macro platform_partition_keys() -%}
    {%- set passed = var('platform_partitions', none) if execute else none -%}
    {#- a unit test brings rows of its own, whatever partitions they name -#}
    {%- if passed is none or model.resource_type == 'unit_test' -%}{{ return(none) }}{%- endif -%}
    {%- set node = model.attached_node or model.unique_id -%}
    {{ return(passed.get('by_node', {}).get(node, passed['default'])) }}
{%- endmacro %}
