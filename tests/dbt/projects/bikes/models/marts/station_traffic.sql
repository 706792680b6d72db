with departures as (
    select from_station as station_id, count(*) as departures, sum(fare) as earned from {{ ref('stg_rides') }} group by 1
),
arrivals as (select to_station as station_id, count(*) as arrivals from {{ ref('stg_rides') }} group by 1)
select s.station_id, s.station_name, d.departures, a.arrivals, {{ in_cents('d.earned') }} as earned_cents
from {{ ref('stg_stations') }} as s left join departures as d using (station_id) left join arrivals as a using (station_id)
