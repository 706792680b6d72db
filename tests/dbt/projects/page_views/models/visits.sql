{{ config(materialized='incremental', unique_key='visitor', incremental_strategy='delete+insert') }}
select visitor, count(*) as views, sum(seconds) as seconds from {{ ref('views') }}
{% if is_incremental() %} where true {% endif %} group by 1
