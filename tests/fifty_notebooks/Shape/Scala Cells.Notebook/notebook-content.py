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

spark.range(5).createOrReplaceTempView("for_scala")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%spark
# MAGIC val rows = spark.table("for_scala").collect().map(_.getLong(0))
# MAGIC assert(rows.sum == 10)
# MAGIC val upper = udf((s: String) => s.toUpperCase)
# MAGIC spark.sql("SELECT 'a' AS a").select(upper($"a").as("b")).createOrReplaceTempView("from_scala")

# METADATA ********************

# META {
# META   "language": "scala",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert spark.table("from_scala").first().b == "A"

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%spark
# MAGIC class Counter(val start: Int) extends Serializable { def next(n: Int): Int = start + n }
# MAGIC val counter = new Counter(10)
# MAGIC assert(sc.parallelize(1 to 2).map(counter.next).collect().sameElements(Array(11, 12)))

# METADATA ********************

# META {
# META   "language": "scala",
# META   "language_group": "synapse_pyspark"
# META }
