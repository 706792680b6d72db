select id, {{ kit.clean('email') }} as email, plan from {{ ref('customers') }}
