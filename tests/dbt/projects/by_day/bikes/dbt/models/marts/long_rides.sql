select * from {{ ref('stg_rides') }} where minutes > {{ var('long', 20) }} and {{ in_partitions() }}
