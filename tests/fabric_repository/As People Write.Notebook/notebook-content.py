# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# CELL ********************

# The last line of a cell ends in three quotes.
a = 1
text = """one
two"""

# CELL ********************

assert text.split() == ["one", "two"]
quoted = f'''{text!r} "" \\ """'''
quoted

# CELL ********************

assert _ == "'one\\ntwo' \"\" \\ \"\"\"", _
text = """one
"two\""""

# CELL ********************

def annotated(x: int) -> "str":
    return str(x)


assert annotated.__annotations__ == {"x": int, "return": "str"}
assert text.endswith('"two"')

# CELL ********************

# MAGIC %%sql -p floor=10 --parameter "names=['a', 'b']"
# MAGIC SELECT assert_true(:floor = 10) AS checked, assert_true(size(:names) = 2) AS also

# CELL ********************

import asyncio


async def slowly(value):
    await asyncio.sleep(0.02)
    return value


task = asyncio.create_task(slowly("kept"))

# CELL ********************

assert await task == "kept"
other = asyncio.ensure_future(slowly("also kept"))

# CELL ********************

assert asyncio.run(slowly(3)) == 3
assert asyncio.get_event_loop().run_until_complete(slowly(4)) == 4
assert asyncio.get_event_loop().run_until_complete(other) == "also kept"

# CELL ********************

# MAGIC %%writefile written_by_a_cell.py
# MAGIC def rate():
# MAGIC     return 1

# CELL ********************

import written_by_a_cell
from pyspark.sql.functions import udf
from written_by_a_cell import rate

assert rate() == 1


@udf("int")
def rated(kind):
    from written_by_a_cell import rate as in_the_worker

    assert open("builtin/rate.txt").read() == "rated"
    return in_the_worker()


with open("./builtin/rate.txt", "w") as written:
    written.write("rated")
assert spark.range(3).select(rated("id")).distinct().first()[0] == 1
assert spark.range(1).select(udf(rate, "int")()).first()[0] == 1

# CELL ********************

%load_ext autoreload
%autoreload 2

# CELL ********************

# MAGIC %%writefile written_by_a_cell.py
# MAGIC def rate():
# MAGIC     return 2

# CELL ********************

assert (rate(), written_by_a_cell.rate()) == (2, 2)
assert spark.range(3).select(udf(rated.func, "int")("id")).distinct().first()[0] == 2  # made after the change
spark.sparkContext.addFile("builtin/rate.txt")
%autoreload 0
import os

os.remove("written_by_a_cell.py")

# CELL ********************

far = spark.sql("SELECT make_date(12345, 1, 1) AS d, make_timestamp(12345, 1, 1, 1, 1, 1.5) AS t, array(make_date(-5, 1, 1)) AS a")
display(far)
far.show(truncate=False)
far

# CELL ********************

# MAGIC %%sql
# MAGIC SELECT make_date(290000, 1, 1) AS d, CAST(make_date(290000, 1, 1) AS STRING) AS text

# CELL ********************

class Nothing:
    def __repr__(self):
        return ""


Nothing()

# CELL ********************

import logging

logging.basicConfig(level=logging.DEBUG, force=True)

# CELL ********************

assert spark.range(3).count() == 3  # py4j tells nothing of its own
logging.getLogger("notebook").info("seen")
logging.basicConfig(level=logging.WARNING, force=True)
