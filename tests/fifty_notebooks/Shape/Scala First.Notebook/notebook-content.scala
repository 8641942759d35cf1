// Fabric notebook source

// METADATA ********************

// META {
// META   "kernel_info": {
// META     "name": "synapse_pyspark"
// META   },
// META   "dependencies": {
// META     "lakehouse": {
// META       "default_lakehouse": "763dd2a4-adb4-57c7-a094-03298ff39fa1",
// META       "default_lakehouse_name": "Silver",
// META       "default_lakehouse_workspace_id": "e64c075a-d454-5a77-8570-55e61d973874",
// META       "known_lakehouses": [
// META         {
// META           "id": "763dd2a4-adb4-57c7-a094-03298ff39fa1"
// META         },
// META         {
// META           "id": "ef758a23-10c0-507e-9d60-42bb66253163"
// META         },
// META         {
// META           "id": "be6c488f-d058-5962-8d5d-62163dae318c"
// META         }
// META       ]
// META     }
// META   }
// META }

// CELL ********************

case class Roll(name: String, sold: Int)
object Roll {
  def parse(line: String): Roll = {
    val Array(name, sold) = line.split(",")
    Roll(name, sold.trim.toInt)
  }
}

// METADATA ********************

// META {
// META   "language": "scala",
// META   "language_group": "synapse_pyspark"
// META }

// CELL ********************

val rolls = sc.parallelize(Seq("rye,3", "spelt, 4")).map(Roll.parse).collect()
assert(rolls.map(_.sold).sum == 7)
assert(sc.parallelize(1 to 3).map(n => Roll(s"r$n", n)).collect().length == 3)

// METADATA ********************

// META {
// META   "language": "scala",
// META   "language_group": "synapse_pyspark"
// META }

// CELL ********************

import spark.implicits._

val frame = rolls.toSeq.toDF()
frame.write.mode("overwrite").saveAsTable("scala_first")
display(frame)

// METADATA ********************

// META {
// META   "language": "scala",
// META   "language_group": "synapse_pyspark"
// META }

// CELL ********************

sealed trait Shape
case class Square(side: Double) extends Shape
case class Disc(radius: Double) extends Shape

def area(shape: Shape): Double = shape match {
  case Square(side) => side * side
  case Disc(radius) => math.Pi * radius * radius
}
assert(area(Square(2)) == 4.0)

// METADATA ********************

// META {
// META   "language": "scala",
// META   "language_group": "synapse_pyspark"
// META }

// CELL ********************

val total = 1 +
  2 +
  3
assert(total == 6)
val doubled = spark.range(3).as[Long]
  .map(_ * 2)
  .collect()
assert(doubled.sum == 6)

// METADATA ********************

// META {
// META   "language": "scala",
// META   "language_group": "synapse_pyspark"
// META }

// CELL ********************

// MAGIC %%pyspark
// MAGIC assert spark.table("scala_first").count() == 2

// METADATA ********************

// META {
// META   "language": "python",
// META   "language_group": "synapse_pyspark"
// META }

// CELL ********************

// MAGIC %%sql
// MAGIC SELECT sum(sold) AS sold FROM scala_first

// METADATA ********************

// META {
// META   "language": "sparksql",
// META   "language_group": "synapse_pyspark"
// META }
