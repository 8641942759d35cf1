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

# MAGIC %%sql
# MAGIC CREATE OR REPLACE TABLE stock (item STRING, amount INT, checked TIMESTAMP) USING DELTA

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC INSERT INTO stock VALUES ('rye', 5, '2024-01-01 10:00:00'), ('spelt; whole', 3, NULL);
# MAGIC MERGE INTO stock AS t
# MAGIC USING (SELECT 'rye' AS item, 2 AS amount UNION ALL SELECT "it's new", 1) AS s
# MAGIC ON t.item = s.item
# MAGIC WHEN MATCHED THEN UPDATE SET t.amount = t.amount + s.amount
# MAGIC WHEN NOT MATCHED THEN INSERT (item, amount) VALUES (s.item, s.amount);
# MAGIC UPDATE stock SET amount = amount * 10 WHERE item LIKE 'spelt%';
# MAGIC DELETE FROM stock WHERE amount = 1;
# MAGIC SELECT item, amount FROM stock ORDER BY item

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert {row.item: row.amount for row in spark.table("stock").collect()} == {"rye": 7, "spelt; whole": 30}

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC 
# MAGIC -- only a comment; and a lone ' in it
# MAGIC /* and another; */

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC ALTER TABLE stock ADD COLUMNS (origin STRING COMMENT 'where from');
# MAGIC ALTER TABLE stock SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true');
# MAGIC CREATE OR REPLACE VIEW stock_view AS SELECT item FROM stock;
# MAGIC SELECT * FROM stock_view

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert "origin" in spark.table("stock").columns and spark.table("stock_view").count() == 2

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
