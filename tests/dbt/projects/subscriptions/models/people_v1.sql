select id, {{ kit.clean('email') }} as email from {{ ref('customers') }}
