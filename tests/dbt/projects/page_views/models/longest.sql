{{ config(materialized='view') }}
select section from {{ ref('by_section') }} order by seconds desc limit 1
