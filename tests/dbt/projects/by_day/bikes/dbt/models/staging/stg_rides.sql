select _partition, ride_id, from_station, to_station, minutes, coalesce(fare, 0) as fare
from {{ source('raw', 'rides') }} where {{ in_partitions() }}
