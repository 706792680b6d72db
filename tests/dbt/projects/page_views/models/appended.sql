{{ config(materialized='incremental', incremental_strategy='append') }}
select view_id from {{ ref('views') }}
