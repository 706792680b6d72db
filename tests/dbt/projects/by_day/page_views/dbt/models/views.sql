{{ config(materialized='ephemeral') }}
select _partition, view_id, visitor, page, coalesce(seconds, 0) as seconds
from {{ source('raw', 'raw_views') }} where {{ in_partitions() }}
