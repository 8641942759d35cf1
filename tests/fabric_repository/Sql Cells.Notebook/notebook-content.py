# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC -- it's a comment; with a lone quote
# MAGIC 
# MAGIC CREATE OR REPLACE TEMP VIEW bread AS
# MAGIC SELECT 'rye; dark' AS name, 3 AS price -- the dear one; really
# MAGIC UNION ALL SELECT 'don\'t', 2;
# MAGIC 
# MAGIC /* two; more */
# MAGIC SELECT * FROM bread ORDER BY price;
# MAGIC 
# MAGIC SELECT COUNT(*) AS n FROM bread

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert [row.name for row in spark.table('bread').orderBy('price').collect()] == ["don't", 'rye; dark']

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql 
# MAGIC SELECT 'a blank behind the magic' AS it

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC -- only
# MAGIC -- comments

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC 
# MAGIC SET spark.sql.shuffle.partitions = 2;
# MAGIC SET spark.sql.session.timeZone=UTC

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert spark.conf.get('spark.sql.shuffle.partitions') == '2'

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

	%%sql
SELECT 'after a tab' AS it

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC # a comment first
# MAGIC %%sql
# MAGIC CREATE OR REPLACE TEMP VIEW after_comment AS SELECT 1 AS one

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert spark.table('after_comment').count() == 1

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC DROP TABLE IF EXISTS counted;
# MAGIC CREATE TABLE IF NOT EXISTS counted (n INT, text STRING) USING DELTA;
# MAGIC SELECT 1 AS n;
# MAGIC SELECT 2 AS n;
# MAGIC SELECT 3 AS n;
# MAGIC SELECT 4 AS n;
# MAGIC SELECT 5 AS n;
# MAGIC SELECT 6 AS n;
# MAGIC SELECT 7 AS n;
# MAGIC SELECT 8 AS n;
# MAGIC INSERT INTO counted VALUES (9, 'n;9');
# MAGIC SELECT 10 AS n;
# MAGIC SELECT 11 AS n;
# MAGIC SELECT 12 AS n;
# MAGIC SELECT 13 AS n;
# MAGIC SELECT 14 AS n;
# MAGIC SELECT 15 AS n;
# MAGIC SELECT 16 AS n;
# MAGIC SELECT 17 AS n;
# MAGIC INSERT INTO counted VALUES (18, 'n;18');
# MAGIC SELECT 19 AS n;
# MAGIC SELECT 20 AS n;
# MAGIC SELECT 21 AS n;
# MAGIC SELECT 22 AS n;
# MAGIC SELECT 23 AS n;
# MAGIC SELECT 24 AS n;

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC UPDATE counted SET text = 'nine' WHERE n = 9;
# MAGIC MERGE INTO counted AS t USING (SELECT 27 AS n, 'new' AS text) AS s ON t.n = s.n
# MAGIC WHEN MATCHED THEN UPDATE SET *
# MAGIC WHEN NOT MATCHED THEN INSERT *;
# MAGIC ALTER TABLE counted ADD COLUMNS (more STRING COMMENT 'later');

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert {(row.n, row.text) for row in spark.sql('SELECT n, text FROM counted').collect()} == {(9, 'nine'), (18, 'n;18'), (27, 'new')}
assert spark.table('counted').columns == ['n', 'text', 'more']

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC OPTIMIZE counted;
# MAGIC DESCRIBE HISTORY counted;
# MAGIC SHOW TABLES;
# MAGIC DESCRIBE TABLE EXTENDED counted;
# MAGIC CREATE OR REPLACE VIEW counted_view AS SELECT n FROM counted;
# MAGIC SELECT * FROM counted_view;
# MAGIC DROP VIEW counted_view

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

operations = [row.operation for row in spark.sql('DESCRIBE HISTORY counted').collect()]
assert 'OPTIMIZE' in operations and 'MERGE' in operations, operations
assert not spark.catalog.tableExists('counted_view')

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
