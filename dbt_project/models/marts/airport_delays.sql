{{ config(materialized='incremental', incremental_strategy='partition_overwrite') }}

select
    flights._partition,
    flights.flight_date,
    flights.origin_airport as airport,
    airports.airport_name,
    count(*)::bigint as departures,
    count(*) filter (where flights.is_cancelled)::bigint as cancelled_flights,
    count(*) filter (where flights.departure_delay_minutes >= 15)::bigint as delayed_departures,
    avg(flights.departure_delay_minutes)::double as mean_departure_delay_minutes,
    -- a sum of doubles depends on their order, one of decimals does not
    sum(flights.precipitation_inches::decimal(9, 2))::double as precipitation_at_departures_inches,
    min(flights.visibility_miles)::double as lowest_visibility_miles
from {{ ref('int_flights_enriched') }} as flights
left join {{ ref('stg_airports') }} as airports
    on airports.airport = flights.origin_airport
where {{ in_partitions('flights._partition') }}
group by all
