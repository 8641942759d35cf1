-- Fabric notebook source

-- METADATA ********************

-- META {
-- META   "kernel_info": {
-- META     "name": "synapse_pyspark"
-- META   },
-- META   "dependencies": {
-- META     "lakehouse": {
-- META       "default_lakehouse": "763dd2a4-adb4-57c7-a094-03298ff39fa1",
-- META       "default_lakehouse_name": "Silver",
-- META       "default_lakehouse_workspace_id": "e64c075a-d454-5a77-8570-55e61d973874",
-- META       "known_lakehouses": [
-- META         {
-- META           "id": "763dd2a4-adb4-57c7-a094-03298ff39fa1"
-- META         },
-- META         {
-- META           "id": "ef758a23-10c0-507e-9d60-42bb66253163"
-- META         },
-- META         {
-- META           "id": "be6c488f-d058-5962-8d5d-62163dae318c"
-- META         }
-- META       ]
-- META     }
-- META   }
-- META }

-- CELL ********************

CREATE OR REPLACE TABLE sql_first (id INT, name STRING) USING DELTA;
INSERT INTO sql_first VALUES (1, 'rye'), (2, "it's"), (3, 'a;b');

-- METADATA ********************

-- META {
-- META   "language": "sparksql",
-- META   "language_group": "synapse_pyspark"
-- META }

-- CELL ********************

-- a comment first; with a semicolon
SELECT count(*) AS n
FROM sql_first
WHERE name <> '--'

-- METADATA ********************

-- META {
-- META   "language": "sparksql",
-- META   "language_group": "synapse_pyspark"
-- META }

-- CELL ********************

-- MAGIC %%sql
-- MAGIC SELECT * FROM sql_first ORDER BY id

-- METADATA ********************

-- META {
-- META   "language": "sparksql",
-- META   "language_group": "synapse_pyspark"
-- META }

-- CELL ********************

-- MAGIC %%pyspark
-- MAGIC assert [row.name for row in spark.table("sql_first").orderBy("id").collect()] == ["rye", "it's", "a;b"]

-- METADATA ********************

-- META {
-- META   "language": "python",
-- META   "language_group": "synapse_pyspark"
-- META }

-- CELL ********************

CREATE OR REPLACE TEMPORARY VIEW sql_first_view AS
WITH longest AS (SELECT max(length(name)) AS n FROM sql_first)
SELECT n FROM longest

-- METADATA ********************

-- META {
-- META   "language": "sparksql",
-- META   "language_group": "synapse_pyspark"
-- META }

-- CELL ********************

-- MAGIC %%pyspark
-- MAGIC assert spark.table("sql_first_view").first().n == 4

-- METADATA ********************

-- META {
-- META   "language": "python",
-- META   "language_group": "synapse_pyspark"
-- META }
