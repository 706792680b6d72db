select v._partition, coalesce(p.section, 'other') as section, sum(v.seconds) as seconds
from {{ ref('views') }} as v left join {{ ref('pages') }} as p using (page) group by 1, 2
