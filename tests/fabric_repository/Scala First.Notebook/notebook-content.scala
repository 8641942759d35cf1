// Fabric notebook source

// METADATA ********************

// META {
// META   "kernel_info": {
// META     "name": "synapse_pyspark"
// META   },
// META   "dependencies": {}
// META }

// CELL ********************

val rolls = spark.range(5).map(n => n * 2)
assert(rolls.count == 5)
rolls.collect().sum

// METADATA ********************

// META {
// META   "language": "scala",
// META   "language_group": "synapse_pyspark"
// META }

// CELL ********************

case class Roll(name: String, sold: Int)

object Rolls {
  def best(all: Seq[Roll]): Roll =
    all.maxBy(_.sold)
}

assert(Rolls.best(Seq(Roll("rye", 1), Roll("spelt", 2))).name == "spelt")
display(rolls.toDF("n"))

// METADATA ********************

// META {
// META   "language": "scala",
// META   "language_group": "synapse_pyspark"
// META }

// CELL ********************

rolls.toDF("n").createOrReplaceTempView("scala_rolls")

// CELL ********************

// MAGIC %%pyspark
// MAGIC assert spark.table('scala_rolls').count() == 5

// METADATA ********************

// META {
// META   "language": "python",
// META   "language_group": "synapse_pyspark"
// META }

// CELL ********************

// MAGIC %%sql
// MAGIC SELECT SUM(n) FROM scala_rolls

// METADATA ********************

// META {
// META   "language": "sparksql",
// META   "language_group": "synapse_pyspark"
// META }
