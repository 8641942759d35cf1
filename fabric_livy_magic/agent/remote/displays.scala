/** `display` and `displayHTML` of Scala cells. What they show stands in the output as a line with `mark`, which the client reads
  * (running/kinds/scala_displays.py): the name of a temporary view with the first rows, or HTML in base64.
  */
class FabricLivyDisplays(mark: String, rows: Int) extends java.io.Serializable {
  def display(value: Any): Unit = value match {
    case frame: org.apache.spark.sql.Dataset[_] if !frame.isStreaming =>
      val view = "fabric_livy_" + java.util.UUID.randomUUID.toString.replace("-", "")
      val first = frame.toDF.limit(rows + 1).collectAsList
      val spark = org.apache.spark.sql.SparkSession.active
      spark.createDataFrame(first, frame.schema).createOrReplaceTempView(view)
      println(s"[fabric-livy $mark view $view]")
    case other => println(other)
  }

  def displayHTML(html: Any): Unit = {
    val encoded = java.util.Base64.getEncoder.encodeToString(String.valueOf(html).getBytes("UTF-8"))
    println(s"[fabric-livy $mark html $encoded]")
  }
}
