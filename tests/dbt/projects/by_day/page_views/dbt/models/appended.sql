select _partition, view_id from {{ ref('views') }}
