# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# CELL ********************

spark.sql('CREATE OR REPLACE TABLE lake_orders (id INT, kind STRING, n INT)')
spark.sql("INSERT INTO lake_orders VALUES (1, 'a', 5), (2, 'b', -1), (3, 'a', 7)")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC CREATE MATERIALIZED LAKE VIEW IF NOT EXISTS Clean_Orders -- a comment; with a semicolon
# MAGIC (
# MAGIC     CONSTRAINT positive CHECK (n > 0) ON MISMATCH DROP,
# MAGIC     CONSTRAINT `known id` CHECK (id IS NOT NULL)
# MAGIC )
# MAGIC PARTITIONED BY (kind)
# MAGIC COMMENT "it's \"clean\""
# MAGIC TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')
# MAGIC AS SELECT id, kind, n FROM lake_orders -- the end;

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

def ids():
    return sorted(row.id for row in spark.table('clean_orders').collect())

assert ids() == [1, 3]
spark.sql("INSERT INTO lake_orders VALUES (4, 'c', 9)")
assert ids() == [1, 3]  # as of then
told = spark.sql('REFRESH MATERIALIZED LAKE VIEW clean_orders FULL').first()
assert ids() == [1, 3, 4]
assert told.materialized_lake_view == 'clean_orders' and 'no schedule' in told.note

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC SHOW MATERIALIZED LAKE VIEWS

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

names = [row.name for row in spark.sql('SHOW MATERIALIZED LAKE VIEWS').collect()]
assert 'clean_orders' in names and 'lake_orders' not in names, names
made = spark.sql('SHOW CREATE MATERIALIZED LAKE VIEW clean_orders').first()[0]
assert made.startswith('CREATE MATERIALIZED LAKE VIEW `clean_orders` (') and 'ON MISMATCH DROP' in made, made
spark.sql('DROP MATERIALIZED LAKE VIEW clean_orders')
assert not spark.catalog.tableExists('clean_orders')
spark.sql(made)
assert ids() == [1, 3, 4]

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

def error(statement):
    try:
        spark.sql(statement)
    except Exception as problem:
        return f'{type(problem).__name__}: {problem}'
    raise AssertionError(statement)

failed = error('CREATE MATERIALIZED LAKE VIEW few (CONSTRAINT few CHECK (n > 0), CONSTRAINT d CHECK (id > 2) ON MISMATCH DROP) '
               'AS SELECT * FROM lake_orders')
assert 'A row violates the constraint few of the materialized lake view: n > 0' in failed, failed
assert not spark.catalog.tableExists('few')  # also where a query fails half-way
assert 'AnalysisException' in error('CREATE MATERIALIZED LAKE VIEW clean_orders AS SELECT 1 AS id')
assert 'AnalysisException' in error('REFRESH MATERIALIZED LAKE VIEW nowhere')
assert 'AnalysisException' in error('CREATE MATERIALIZED LAKE VIEW wrong AS SELECT nowhere FROM lake_orders')
assert 'no materialized lake view' in error('DROP MATERIALIZED LAKE VIEW lake_orders')
assert 'OneLake_Files needs Fabric' in error("CREATE MATERIALIZED LAKE VIEW x USING OneLake_Files OPTIONS ('path' = 'a')")
assert 'exclude each other' in error('CREATE OR REPLACE MATERIALIZED LAKE VIEW IF NOT EXISTS x AS SELECT 1 AS id')

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%spark
# MAGIC spark.sql("CREATE OR REPLACE MATERIALIZED LAKE VIEW clean_orders AS WITH o AS (SELECT * FROM lake_orders) SELECT kind, sum(n) AS total FROM o GROUP BY kind")
# MAGIC assert(spark.table("clean_orders").count() == 3)
# MAGIC spark.sql("ALTER MATERIALIZED LAKE VIEW clean_orders RENAME TO totals")
# MAGIC spark.sql("REFRESH MATERIALIZED LAKE VIEW totals")

# METADATA ********************

# META {
# META   "language": "scala",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert {row.kind: row.total for row in spark.table('totals').collect()} == {'a': 12, 'b': -1, 'c': 9}
spark.sql('DROP MATERIALIZED LAKE VIEW totals')
spark.sql('DROP MATERIALIZED LAKE VIEW IF EXISTS totals')
assert 'totals' not in [row.name for row in spark.sql('SHOW MATERIALIZED LAKE VIEWS').collect()]

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
