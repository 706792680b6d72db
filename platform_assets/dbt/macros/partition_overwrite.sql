{#
  Incremental strategy `partition_overwrite`: the built partitions are replaced as a whole, in dbt's transaction.

  Unlike delete+insert it deletes the partitions that were built, not those that came out of the query, so that a
  partition that became empty loses its old rows. Without `platform_partitions` the whole table is replaced.
#}
{% macro get_incremental_partition_overwrite_sql(arg_dict) %}
    {{ return(adapter.dispatch('get_incremental_partition_overwrite_sql')(arg_dict)) }}
{% endmacro %}

{% macro default__get_incremental_partition_overwrite_sql(arg_dict) %}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    delete from {{ arg_dict['target_relation'] }} where {{ in_partitions() }};
    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }} where {{ in_partitions() }};
{% endmacro %}

{#
  Snowflake ends its implicit transaction at each statement: the two must share an explicit one. dbt's macro adds the last
  semicolon; with another one there would be an empty statement, at which its adapter fails.
#}
{% macro snowflake__get_incremental_partition_overwrite_sql(arg_dict) %}
    {%- set statements = default__get_incremental_partition_overwrite_sql(arg_dict) | trim -%}
    {{ snowflake_dml_explicit_transaction(statements[:-1]) }}
{% endmacro %}

{# dbt's own, but for models by partition: replacing the whole table would lose the partitions that are not built #}
{% macro should_full_refresh() %}
    {%- set asked = config.get('full_refresh') -%}
    {%- if asked is none -%}{%- set asked = flags.FULL_REFRESH -%}{%- endif -%}
    {%- if asked and execute and config.get('incremental_strategy') == 'partition_overwrite'
            and var('platform_partitions', none) is not none -%}
        {%- do exceptions.raise_compiler_error(
            'full_refresh would replace the whole table by the partitions of this run, and lose all others') -%}
    {%- endif -%}
    {%- do return(asked) -%}
{% endmacro %}
