{{ config(materialized='incremental', incremental_strategy='partition_overwrite') }}

select
    _partition,
    flight_date,
    origin_airport,
    destination_airport,
    origin_airport || '-' || destination_airport as route,
    max(distance_miles)::bigint as distance_miles,
    count(*)::bigint as flights,
    count(*) filter (where is_cancelled)::bigint as cancelled_flights,
    avg(air_time_minutes)::double as mean_air_time_minutes,
    quantile_cont(arrival_delay_minutes, 0.9)::double as p90_arrival_delay_minutes,
    sum(seats)::bigint as seats_offered_known
from {{ ref('int_flights_enriched') }}
where {{ in_partitions() }}
group by all
