{%- set month = "substr(_partition, 1, 7) || '-01'" -%}
select {{ month }} as _partition, count(*) as rides, sum(minutes) as minutes, max(fare) as dearest
from {{ ref('stg_rides') }} where {{ in_partitions(month) }} group by 1
