select * from {{ ref('stg_rides') }} where minutes > {{ var('long', 20) }}
