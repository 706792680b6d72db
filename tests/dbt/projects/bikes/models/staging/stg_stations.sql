select station_id, upper(station_name) as station_name, opened::date as opened
from {{ ref('stations') }}
