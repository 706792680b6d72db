{{ config(materialized='incremental', incremental_strategy='partition_overwrite') }}

select
    "_partition",
    {{ date_of('"year"', '"month"', '"day"') }} as "flight_date",
    "time_hour",
    "carrier" as "carrier_code",
    "flight" as "flight_number",
    "tailnum" as "tail_number",
    "origin" as "origin_airport",
    "dest" as "destination_airport",
    "sched_dep_time" as "scheduled_departure",
    "dep_time" as "departure",
    "dep_delay" as "departure_delay_minutes",
    "sched_arr_time" as "scheduled_arrival",
    "arr_time" as "arrival",
    "arr_delay" as "arrival_delay_minutes",
    "air_time" as "air_time_minutes",
    "distance" as "distance_miles",
    "dep_time" is null as "is_cancelled"
from {{ source('raw', 'flights') }}
where {{ in_partitions() }}
