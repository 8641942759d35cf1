{{ config(materialized="table") }}

select z.borough, count(*) as trips, sum(f.fare) as fares
from {{ ref("fares") }} f
join {{ ref("zones") }} z on z.zone_id = f.zone_id
group by z.borough
