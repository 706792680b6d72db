{{ config(materialized='incremental', incremental_strategy='partition_overwrite') }}

with flights as (
    select * from {{ ref('stg_flights') }} where {{ in_partitions() }}
),

-- a clock change repeats an hour of local time, never one of time_hour, which is UTC
weather as (
    select * from {{ ref('stg_weather') }} where {{ in_partitions() }}
)

select
    flights."_partition",
    flights."flight_date",
    flights."time_hour",
    flights."carrier_code",
    flights."flight_number",
    flights."tail_number",
    flights."origin_airport",
    flights."destination_airport",
    flights."departure_delay_minutes",
    flights."arrival_delay_minutes",
    flights."air_time_minutes",
    flights."distance_miles",
    flights."is_cancelled",
    weather."temperature_fahrenheit",
    weather."wind_speed_mph",
    weather."precipitation_inches",
    weather."visibility_miles",
    planes."year_built",
    planes."manufacturer",
    planes."seats"
from flights
left join weather
    on weather."airport" = flights."origin_airport"
    and weather."time_hour" = flights."time_hour"
left join {{ ref('stg_planes') }} as planes
    on planes."tail_number" = flights."tail_number"
