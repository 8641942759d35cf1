{{ config(materialized="view") }}

select * from {{ ref("fares") }} where fare > {{ var("expensive", 10) }}
