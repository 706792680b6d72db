{{ config(materialized='incremental', incremental_strategy='partition_overwrite') }}

select
    "_partition",
    "flight_date",
    "origin_airport",
    "destination_airport",
    "origin_airport" || '-' || "destination_airport" as "route",
    max("distance_miles") as "distance_miles",
    count(*) as "flights",
    count(case when "is_cancelled" then 1 end) as "cancelled_flights",
    {{ mean('"air_time_minutes"') }} as "mean_air_time_minutes",
    -- engines interpolate with another last bit; between whole minutes there are tenths only
    cast(
        cast(
            percentile_cont(0.9) within group (order by cast("arrival_delay_minutes" as double precision))
            as decimal(18, 6)
        ) as double precision
    ) as "p90_arrival_delay_minutes",
    cast(sum("seats") as bigint) as "seats_offered_known"
from {{ ref('int_flights_enriched') }}
where {{ in_partitions() }}
group by 1, 2, 3, 4, 5
