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

namen = ["Jörg", "山田", "🚀 rocket", "naïve", "а-б"]
frame = spark.createDataFrame([(n,) for n in namen], "`größe` string")
frame.write.mode("overwrite").saveAsTable("zeichen")
assert {row[0] for row in spark.table("zeichen").collect()} == set(namen)
print("✅ fertig", *namen)

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# MAGIC %%sql
# MAGIC -- Zeichen: ä ö ü ß 🚀
# MAGIC SELECT `größe`, length(`größe`) AS `länge` FROM zeichen WHERE `größe` LIKE '%🚀%'

# METADATA ********************

# META {
# META   "language": "sparksql",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

notebookutils.fs.put("Files/größen/ürlaub.txt", "größer 🚀", True)
assert notebookutils.fs.head("Files/größen/ürlaub.txt") == "größer 🚀"
with open("/lakehouse/default/Files/größen/ürlaub.txt", encoding="utf-8") as opened:
    assert opened.read() == "größer 🚀"
assert [one.name for one in notebookutils.fs.ls("Files/größen")] == ["ürlaub.txt"]
display(frame)

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
