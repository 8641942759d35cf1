-- Fabric notebook source

-- METADATA ********************

-- META {
-- META   "kernel_info": {
-- META     "name": "synapse_pyspark"
-- META   },
-- META   "dependencies": {
-- META     "lakehouse": {
-- META       "default_lakehouse": "11111111-0000-4000-8000-000000000001",
-- META       "default_lakehouse_name": "sales",
-- META       "default_lakehouse_workspace_id": "22222222-0000-4000-8000-000000000002",
-- META       "known_lakehouses": [
-- META         {
-- META           "id": "11111111-0000-4000-8000-000000000001"
-- META         },
-- META         {
-- META           "id": "11111111-0000-4000-8000-000000000003"
-- META         }
-- META       ]
-- META     }
-- META   }
-- META }

-- MARKDOWN ********************

-- # SQL first
-- -- with a rule

-- CELL ********************

CREATE OR REPLACE TEMP VIEW v AS SELECT 1 AS a;
SELECT a FROM v

-- METADATA ********************

-- META {
-- META   "language": "sparksql",
-- META   "language_group": "synapse_pyspark"
-- META }

-- CELL ********************

-- MAGIC %%sql
-- MAGIC SELECT 2 -- marked all the same

-- METADATA ********************

-- META {
-- META   "language": "sparksql",
-- META   "language_group": "synapse_pyspark"
-- META }

-- CELL ********************

-- MAGIC %%pyspark
-- MAGIC print(spark.table('v').count())

-- METADATA ********************

-- META {
-- META   "language": "python",
-- META   "language_group": "synapse_pyspark"
-- META }

-- CELL ********************

%run plain

-- METADATA ********************

-- META {
-- META   "language": "sparksql",
-- META   "language_group": "synapse_pyspark"
-- META }

-- CELL ********************

-- only a comment


-- METADATA ********************

-- META {
-- META   "language": "sparksql",
-- META   "language_group": "synapse_pyspark"
-- META }
