# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {
# META     "lakehouse": {
# META       "default_lakehouse": "11111111-0000-4000-8000-000000000001",
# META       "default_lakehouse_name": "sales",
# META       "default_lakehouse_workspace_id": "22222222-0000-4000-8000-000000000002",
# META       "known_lakehouses": [
# META         {
# META           "id": "11111111-0000-4000-8000-000000000001"
# META         },
# META         {
# META           "id": "11111111-0000-4000-8000-000000000003"
# META         }
# META       ]
# META     }
# META   }
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC 
# MAGIC -- a ; in a comment, and a lone ' too
# MAGIC CREATE TABLE IF NOT EXISTS t (a INT);
# MAGIC INSERT INTO t VALUES (1), (2);
# MAGIC 
# MAGIC SELECT 'x;y' AS text, a FROM t

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql 
# MAGIC SELECT 1


# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

	%%sql
SELECT 2 AS after_a_tab

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC # what the portal calls Python still
# MAGIC %%sql
# MAGIC SELECT 3 AS after_a_comment

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%pyspark
# MAGIC print('the notebook’s own language, by magic')

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%spark
# MAGIC val two = 1 + 1

# METADATA ********************

# META {
# META   "language": "scala",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sparkr
# MAGIC print(1 + 1)

# METADATA ********************

# META {
# META   "language": "r",
# META   "language_group": "synapse_pyspark"
# META }
