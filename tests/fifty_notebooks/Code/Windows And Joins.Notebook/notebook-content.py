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

from pyspark.sql import Row, Window
from pyspark.sql import functions as F

people = spark.createDataFrame([Row(team="a", name="Ada", points=3), Row(team="a", name="Bo", points=5), Row(team="b", name="Chloë", points=4)])
ranked = people.withColumn("rank", F.row_number().over(Window.partitionBy("team").orderBy(F.desc("points"))))
assert {row.name for row in ranked.where("rank = 1").collect()} == {"Bo", "Chloë"}

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

teams = spark.createDataFrame([("a", "north"), ("c", "south")], "team string, side string")
assert people.join(teams, "team", "left").where("side IS NULL").count() == 1
assert people.join(F.broadcast(teams), "team").count() == 2
pivoted = people.groupBy().pivot("team", ["a", "b"]).sum("points")
assert pivoted.first().asDict() == {"a": 8, "b": 4}

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

running = Window.orderBy("points").rowsBetween(Window.unboundedPreceding, Window.currentRow)
assert people.withColumn("sum", F.sum("points").over(running)).agg(F.max("sum")).first()[0] == 12
assert people.dropDuplicates(["team"]).count() == 2 and people.unionByName(people).distinct().count() == 3

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
