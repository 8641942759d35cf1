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
assert(sc.parallelize(1 to 3).map(Roll("rye", _)).collect().map(_.sold).sum == 6)
display(rolls.toDF("n"))

// METADATA ********************

// META {
// META   "language": "scala",
// META   "language_group": "synapse_pyspark"
// META }

// CELL ********************

sealed trait Order
case class Bread(rolls: Int) extends Order
case class Cake(pieces: Int) extends Order

class Price private (val cents: Int)
object Price {
  def of(order: Order): Price = order match {
    case Bread(rolls) => new Price(rolls * 40 +
      10)
    case Cake(pieces) => new Price(pieces * 250)
  }
}

val total = Seq(Bread(2), Cake(1))
  .map(Price.of(_).cents)
  .sum
val withTax = total +
  total / 10
assert(withTax == 374)

val sold = Seq(Roll("rye", 3), Roll("rye", 4), Roll("spelt", 5)).toDS
  .groupByKey(_.name)
  .mapGroups((name, all) => Roll(name, all.map(_.sold).sum))
  .collect().toSet
assert(sold == Set(Roll("rye", 7), Roll("spelt", 5)))

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
