# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# CELL ********************

import sys
import numpy as np
import pandas as pd
import pyarrow

is_runtime_1_3 = sys.version_info < (3, 13)
assert pd.__version__.startswith('2.1.' if is_runtime_1_3 else '2.'), pd.__version__
assert np.__version__.startswith('1.26.' if is_runtime_1_3 else '2.'), np.__version__
assert spark.version.startswith('3.5.' if is_runtime_1_3 else '4.'), spark.version

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

# as notebooks of 2023 and 2024 are written
days = pd.DataFrame({'at': pd.date_range('2024-01-01', periods=4, freq='H'), 'name': ['a', 'b', None, 'd']})
assert days['name'].dtype == object
assert list(days['at'].dt.hour) == [0, 1, 2, 3]
assert pd.DataFrame({'a': [1.26, 2.0]}).applymap(lambda value: round(value, 1))['a'].tolist() == [1.3, 2.0]
assert days.resample('2H', on='at').size().tolist() == [2, 2]
assert days.dtypes.astype(str).tolist() == ['datetime64[ns]', 'object']
assert days.select_dtypes(include='object').columns.tolist() == ['name']
if is_runtime_1_3:
    assert np.float_ is np.float64

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

sent = spark.createDataFrame(days)
assert sent.schema.simpleString() == 'struct<at:timestamp,name:string>'
back = sent.toPandas()
assert back['name'].tolist() == ['a', 'b', None, 'd'] and back['name'].dtype == object
assert back['at'].tolist() == days['at'].tolist()

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

from pyspark.sql.functions import pandas_udf

@pandas_udf('string')
def upper(names: pd.Series) -> pd.Series:
    assert names.dtype == object
    return names.str.upper()

assert [row[0] for row in sent.select(upper('name')).collect()] == ['A', 'B', None, 'D']

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import pyspark.pandas as ps

sales = ps.DataFrame({'grain': ['rye', 'spelt', 'rye'], 'sold': [7, 5, 2]})
assert sales.groupby('grain')['sold'].sum().sort_index().to_pandas().to_dict() == {'rye': 9, 'spelt': 5}

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
