select * from {{ ref('visits') }} where seconds > 3600
