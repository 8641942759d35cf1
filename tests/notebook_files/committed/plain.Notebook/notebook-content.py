# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {
# META     "lakehouse": {
# META       "default_lakehouse": "11111111-0000-4000-8000-000000000001",
# META       "default_lakehouse_name": "sales",
# META       "default_lakehouse_workspace_id": "22222222-0000-4000-8000-000000000002",
# META       "known_lakehouses": [
# META         {
# META           "id": "11111111-0000-4000-8000-000000000001"
# META         },
# META         {
# META           "id": "11111111-0000-4000-8000-000000000003"
# META         }
# META       ]
# META     }
# META   }
# META }

# MARKDOWN ********************

# # Orders
# 
# What came in, by **day** – größer than `0`.
# 
# - one
# - two

# CELL ********************

orders = spark.range(10).withColumnRenamed("id", "order")
orders.count()

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************


# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

display(orders)


# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

def total(n):
    """Up to n.

    # no marker
    """
    return n * (n + 1) // 2


print(total(4), "🎉")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
