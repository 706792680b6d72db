select id, {{ kit.clean('email') }} as email, plan, _partition
from {{ source('raw', 'customers') }} where {{ in_partitions() }}
