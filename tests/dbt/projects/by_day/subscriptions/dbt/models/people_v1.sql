select id, {{ kit.clean('email') }} as email, _partition
from {{ source('raw', 'customers') }} where {{ in_partitions() }}
