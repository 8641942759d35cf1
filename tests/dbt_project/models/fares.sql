{{ config(materialized="incremental", incremental_strategy="merge", unique_key="trip_id", file_format="delta") }}

select trip_id, zone_id, fare, picked_up_at
from {{ ref("trips") }}
{% if is_incremental() %}
where picked_up_at > (select max(picked_up_at) from {{ this }}) or trip_id = 1
{% endif %}
