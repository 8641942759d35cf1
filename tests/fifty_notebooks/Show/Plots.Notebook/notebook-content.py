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

%matplotlib inline
import matplotlib.pyplot as plt

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

fig, ax = plt.subplots(figsize=(4, 3))
ax.plot([1, 2, 3], [1, 4, 9], label="größer")
ax.legend()
plt.title("squares")
plt.show()

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

frame = spark.range(5).selectExpr("id", "id * id AS square").toPandas()
frame.plot(x="id", y="square", kind="bar")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

frame["id"].hist()
plt.close("all")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
