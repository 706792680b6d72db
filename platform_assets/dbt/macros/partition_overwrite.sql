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

{# Snowflake ends its implicit transaction at each statement: the two must share an explicit one #}
{% macro snowflake__get_incremental_partition_overwrite_sql(arg_dict) %}
    {{ snowflake_dml_explicit_transaction(default__get_incremental_partition_overwrite_sql(arg_dict)) }}
{% endmacro %}
