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

spark.range(2).write.mode("overwrite").saveAsTable("dbo.schema_rows")
assert spark.table("schema_rows").count() == spark.table("dbo.schema_rows").count() == 2
spark.range(3).write.mode("overwrite").saveAsTable("schema_rows")
assert spark.table("dbo.schema_rows").count() == 3

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC CREATE SCHEMA IF NOT EXISTS cleaned;
# MAGIC CREATE OR REPLACE TABLE cleaned.bread (id INT, name STRING);
# MAGIC INSERT INTO cleaned.bread VALUES (1, 'rye')

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

bread = spark.read.format("delta").load("Tables/cleaned/bread")
assert [row.name for row in bread.collect()] == ["rye"]
assert spark.table("Silver.cleaned.bread").count() == 1

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

spark.sql("CREATE SCHEMA IF NOT EXISTS baked")
spark.range(6).write.mode("overwrite").format("delta").save("Tables/baked/loaves")
assert spark.table("baked.loaves").count() == 6
assert spark.sql("SELECT count(*) AS n FROM Silver.baked.loaves").first().n == 6
assert spark.read.format("delta").load("Tables/dbo/schema_rows").count() == 3

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

names = {row[0].split(".")[-1].strip("`") for row in spark.sql("SHOW SCHEMAS IN Silver").collect()}
assert {"dbo", "cleaned", "baked"} <= names, names
assert spark.catalog.tableExists("cleaned.bread") and not spark.catalog.tableExists("cleaned.none")
spark.sql("CREATE SCHEMA IF NOT EXISTS Silver.etl")
spark.range(1).write.mode("overwrite").saveAsTable("Silver.etl.runs")
assert spark.table("etl.runs").count() == 1

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
