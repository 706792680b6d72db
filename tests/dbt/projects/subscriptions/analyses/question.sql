select 1 from {{ ref('priced') }}
