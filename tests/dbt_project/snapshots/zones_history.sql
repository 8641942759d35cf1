{% snapshot zones_history %}
{{ config(unique_key="zone_id", strategy="check", check_cols=["borough", "surcharge"], file_format="delta", target_schema=target.schema) }}
select * from {{ ref("zones") }}
{% endsnapshot %}
