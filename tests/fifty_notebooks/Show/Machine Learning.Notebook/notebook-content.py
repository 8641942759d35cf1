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

from pyspark.ml import Pipeline
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.feature import StringIndexer, VectorAssembler
from pyspark.ml.regression import LinearRegression

rows = [(float(n), "even" if n % 2 == 0 else "odd", 3.0 * n + 1) for n in range(20)]
data = spark.createDataFrame(rows, "x double, kind string, y double")

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

stages = [StringIndexer(inputCol="kind", outputCol="k"), VectorAssembler(inputCols=["x", "k"], outputCol="features"), LinearRegression(labelCol="y")]
model = Pipeline(stages=stages).fit(data)
error = RegressionEvaluator(labelCol="y", metricName="rmse").evaluate(model.transform(data))
assert error < 1e-6, error

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

model.write().overwrite().save("Files/models/line")
from pyspark.ml import PipelineModel

again = PipelineModel.load("Files/models/line")
assert abs(again.transform(data).first().prediction - 1) < 1e-6

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
