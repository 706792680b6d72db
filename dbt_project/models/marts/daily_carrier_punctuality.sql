{{ config(materialized='incremental', incremental_strategy='partition_overwrite') }}

select
    flights._partition,
    flights.flight_date,
    flights.carrier_code,
    airlines.carrier_name,
    count(*)::bigint as flights,
    count(*) filter (where flights.is_cancelled)::bigint as cancelled_flights,
    count(*) filter (where flights.arrival_delay_minutes < 15)::bigint as on_time_arrivals,
    avg(flights.departure_delay_minutes)::double as mean_departure_delay_minutes,
    avg(flights.arrival_delay_minutes)::double as mean_arrival_delay_minutes
from {{ ref('int_flights_enriched') }} as flights
left join {{ ref('stg_airlines') }} as airlines
    on airlines.carrier_code = flights.carrier_code
where {{ in_partitions('flights._partition') }}
group by all
