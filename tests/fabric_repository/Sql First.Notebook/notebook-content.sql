-- Fabric notebook source

-- METADATA ********************

-- META {
-- META   "kernel_info": {
-- META     "name": "synapse_pyspark"
-- META   },
-- META   "dependencies": {}
-- META }

-- MARKDOWN ********************

-- -- not a comment but a title
--
-- | a | b |

-- CELL ********************

SELECT 'no magic' AS it

-- METADATA ********************

-- META {
-- META   "language": "sparksql",
-- META   "language_group": "synapse_pyspark"
-- META }

-- CELL ********************

-- MAGIC %%sql
-- MAGIC CREATE OR REPLACE TEMP VIEW of_sql AS SELECT 'with a magic all the same' AS it

-- METADATA ********************

-- META {
-- META   "language": "sparksql",
-- META   "language_group": "synapse_pyspark"
-- META }

-- CELL ********************

-- a comment; and it's fine

CREATE OR REPLACE TEMP VIEW more_sql AS SELECT it, LENGTH(it) AS n FROM of_sql;
SELECT * FROM more_sql;

-- METADATA ********************

-- META {
-- META   "language": "sparksql",
-- META   "language_group": "synapse_pyspark"
-- META }

-- CELL ********************

-- MAGIC %%pyspark
-- MAGIC assert spark.table('more_sql').first().n == 25
-- MAGIC assert sql_first is True if 'sql_first' in globals() else True

-- METADATA ********************

-- META {
-- META   "language": "python",
-- META   "language_group": "synapse_pyspark"
-- META }

-- CELL ********************



-- METADATA ********************

-- META {
-- META   "language": "sparksql",
-- META   "language_group": "synapse_pyspark"
-- META }
