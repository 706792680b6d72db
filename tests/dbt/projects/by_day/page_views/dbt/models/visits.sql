select _partition, visitor, count(*) as views, sum(seconds) as seconds from {{ ref('views') }} group by 1, 2
