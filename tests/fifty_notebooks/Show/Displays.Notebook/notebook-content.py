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

import pandas as pd

df = spark.createDataFrame([("rye", 7, None), ("spelt", 5, 1.5)], "name string, sold int, price double")
display(df)
display(df.limit(1))
display(df, summary=True)
display(spark.sql("SELECT 1 AS one"))

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

display(pd.DataFrame({"a": [1, 2], "b": ["ä", None]}))
display(df.schema)
display([1, {"a": 2}])
display("text")
displayHTML("<b>bold</b>")
df.show()

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

from IPython.display import HTML, Markdown, display

display(Markdown("**bold**"))
display(HTML("<i>it</i>"))
display(df)

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

df.describe()

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

df.toPandas()

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
