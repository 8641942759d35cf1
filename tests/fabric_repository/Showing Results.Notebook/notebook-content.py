# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# CELL ********************

from IPython.display import HTML, Image, Markdown, display  # the bare name is IPython's now
import pandas as pd

df = spark.createDataFrame([('rye', 7, None), ('spelt', 5, 1.5)], 'name string, sold int, price double')
display(df)
display(df.limit(1))
display(spark.sql('SELECT 1 AS one'))

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

display(df, summary=True)
display(df.describe())
display(df.schema)
display(df.show())
display(df.count())
display('text')
display([1, {'a': 2}])

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

display(pd.DataFrame({'a': [1, 2]}))
display(Markdown('**bold**'))
display(HTML('<b>bold</b>'))
displayHTML('<i>it</i>')

def shown(frame):
    for _ in range(2):
        display(frame)

shown(df)

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

%matplotlib inline
import matplotlib.pyplot as plt

plt.plot([1, 2, 3])
plt.show()

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

ax = df.toPandas().plot(x='name', y='sold', kind='bar')
ax.set_title('sold')

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

%load_ext autoreload

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

%autoreload 2

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

df.toPandas().describe()

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

df

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
