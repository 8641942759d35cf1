# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {
# META     "lakehouse": {
# META       "default_lakehouse": "763dd2a4-adb4-57c7-a094-03298ff39fa1",
# META       "default_lakehouse_name": "Silver",
# META       "default_lakehouse_workspace_id": "e64c075a-d454-5a77-8570-55e61d973874",
# META       "known_lakehouses": [
# META         {
# META           "id": "763dd2a4-adb4-57c7-a094-03298ff39fa1"
# META         },
# META         {
# META           "id": "ef758a23-10c0-507e-9d60-42bb66253163"
# META         },
# META         {
# META           "id": "be6c488f-d058-5962-8d5d-62163dae318c"
# META         }
# META       ]
# META     }
# META   }
# META }

# CELL ********************

rows = spark.createDataFrame([(1, None), (2, "zwei")], "id long, text string")
rows.createOrReplaceTempView("sql_cells")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC SELECT id, coalesce(text, '-') AS text
# MAGIC FROM sql_cells
# MAGIC ORDER BY id;

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC # what it holds
# MAGIC %%sql
# MAGIC SELECT count(*) FROM sql_cells

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql 
# MAGIC SET spark.sql.shuffle.partitions = 4;
# MAGIC SELECT text, count(*) AS n FROM sql_cells GROUP BY text;
# MAGIC SHOW TABLES;

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert spark.conf.get("spark.sql.shuffle.partitions") == "4"
name = "sql_cells"
assert spark.sql(f"SELECT max(id) AS last FROM {name};").first().last == 2
assert spark.sql("SELECT * FROM sql_cells WHERE id = :id", args={"id": 2}).first().text == "zwei"

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
