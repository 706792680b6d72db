{{ config(materialized='incremental', incremental_strategy='partition_overwrite') }}

select
    "_partition",
    "origin" as "airport",
    "time_hour",
    "temp" as "temperature_fahrenheit",
    "dewp" as "dew_point_fahrenheit",
    "humid" as "relative_humidity",
    "wind_dir" as "wind_direction_degrees",
    "wind_speed" as "wind_speed_mph",
    "wind_gust" as "wind_gust_mph",
    "precip" as "precipitation_inches",
    "pressure" as "pressure_millibars",
    "visib" as "visibility_miles"
from {{ source('raw', 'weather') }}
where {{ in_partitions() }}
