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

if notebookutils.fs.exists("Files/stream"):
    notebookutils.fs.rm("Files/stream", True)
spark.sql("DROP TABLE IF EXISTS streamed")
for number in range(2):
    notebookutils.fs.put(f"Files/stream/in/{number}.json", f'{{"id": {number}, "kind": "rye"}}\n', True)

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

events = spark.readStream.schema("id int, kind string").json("Files/stream/in")
query = (
    events.writeStream.format("delta")
    .outputMode("append")
    .option("checkpointLocation", "Files/stream/checkpoint")
    .trigger(availableNow=True)
    .toTable("streamed")
)
query.awaitTermination()
assert spark.table("streamed").count() == 2

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

seen = []


def note(batch, number):
    seen.append(batch.count())
    batch.write.mode("append").saveAsTable("streamed_copy")


spark.sql("DROP TABLE IF EXISTS streamed_copy")
again = spark.readStream.table("streamed").writeStream.foreachBatch(note).option("checkpointLocation", "Files/stream/copy")
again.trigger(availableNow=True).start().awaitTermination()
assert sum(seen) == 2 == spark.table("streamed_copy").count()
assert not spark.streams.active

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
