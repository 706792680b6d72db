{# Data test: every row satisfies a SQL expression (null counts as satisfied, as in a check constraint) #}
{% test rows_satisfy(model, expression) %}
    select * from {{ model }} where not ({{ expression }})
{% endtest %}
