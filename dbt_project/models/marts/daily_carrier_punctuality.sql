{{ config(materialized='incremental', incremental_strategy='partition_overwrite') }}

select
    flights."_partition",
    flights."flight_date",
    flights."carrier_code",
    airlines."carrier_name",
    count(*) as "flights",
    count(case when flights."is_cancelled" then 1 end) as "cancelled_flights",
    count(case when flights."arrival_delay_minutes" < 15 then 1 end) as "on_time_arrivals",
    {{ mean('flights."departure_delay_minutes"') }} as "mean_departure_delay_minutes",
    {{ mean('flights."arrival_delay_minutes"') }} as "mean_arrival_delay_minutes"
from {{ ref('int_flights_enriched') }} as flights
left join {{ ref('stg_airlines') }} as airlines
    on airlines."carrier_code" = flights."carrier_code"
where {{ in_partitions('flights."_partition"') }}
group by 1, 2, 3, 4
