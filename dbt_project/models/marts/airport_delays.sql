{{ config(materialized='incremental', incremental_strategy='partition_overwrite') }}

select
    flights."_partition",
    flights."flight_date",
    flights."origin_airport" as "airport",
    airports."airport_name",
    count(*) as "departures",
    count(case when flights."is_cancelled" then 1 end) as "cancelled_flights",
    count(case when flights."departure_delay_minutes" >= 15 then 1 end) as "delayed_departures",
    {{ mean('flights."departure_delay_minutes"') }} as "mean_departure_delay_minutes",
    -- a sum of doubles depends on their order, one of decimals does not
    cast(sum(cast(flights."precipitation_inches" as decimal(9, 2))) as double precision)
        as "precipitation_at_departures_inches",
    min(flights."visibility_miles") as "lowest_visibility_miles"
from {{ ref('int_flights_enriched') }} as flights
left join {{ ref('stg_airports') }} as airports
    on airports."airport" = flights."origin_airport"
where {{ in_partitions('flights."_partition"') }}
group by 1, 2, 3, 4
