{{ config(materialized='ephemeral') }}
select view_id, visitor, page, coalesce(seconds, 0) as seconds from {{ ref('raw_views') }}
