{{ config(severity='warn') }}
select 1 from (select sum(seconds) as s from {{ ref('visits') }}) as a,
(select sum(seconds) as s from {{ ref('by_section') }}) as b where a.s <> b.s + 1
