{{ config(alias='priced_people', schema='finance') }}
select p.id, p.email, s.price, '{{ var('currency') }}' as currency, p._partition
from {{ ref('people') }} as p join {{ ref('plans_over_time') }} as s using (plan)
where s.dbt_valid_to is null and {{ in_partitions('p._partition') }}
