with rides as (select * from {{ ref('stg_rides') }} where {{ in_partitions() }}),
ends as (
    select _partition, from_station as station_id, 1 as departures, 0 as arrivals, fare as earned from rides
    union all
    select _partition, to_station, 0, 1, 0 from rides
)
select e._partition, s.station_id, s.station_name, sum(e.departures) as departures, sum(e.arrivals) as arrivals,
    {{ in_cents('sum(e.earned)') }} as earned_cents
from ends as e join {{ ref('stg_stations') }} as s using (station_id) group by all
