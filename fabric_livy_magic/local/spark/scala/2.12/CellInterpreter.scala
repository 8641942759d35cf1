package fabric_livy_magic.local

import java.io.PrintWriter

import scala.reflect.internal.util.SourceFile
import scala.tools.nsc.Settings
import scala.tools.nsc.interpreter.IR

/** Runs a cell as its parts, and says positions as lines of the cell. */
class CellInterpreter(settings: Settings, out: PrintWriter) extends LineInterpreter(settings, out) {
  import global._

  private lazy val parts = new CellParts[global.type](global)
  private var running: Option[Part] = None
  private var packageOfPart = ""
  private var failure: Option[Throwable] = None

  /** How many parts `code` has; see `CellParts`. */
  def read(code: String, line: Int): Int = {
    failure = None
    parts.read(code, line)
  }

  /** Runs one of the parts that `read` found; its verdict. */
  def run(index: Int): String = {
    running = Some(parts(index))
    failure = None
    try interpret(parts(index).text).toString
    finally running = None
  }

  /** The line of the cell at which the last part threw an exception; 0 if it threw none. */
  def failedLine: Int = {
    val frames = failure.toList.flatMap(_.getStackTrace)
    frames.find(_.getClassName.startsWith(packageOfPart + ".")).map(_.getLineNumber).getOrElse(0)
  }

  /** The text that is compiled has lines of Scala's own above those of the cell. */
  override def compileSourcesKeepingRun(sources: SourceFile*): (Boolean, Run) =
    super.compileSourcesKeepingRun(sources.map(placed): _*)

  private def placed(source: SourceFile): SourceFile = running match {
    case Some(part) =>
      val text = new String(source.content)
      val lines = text.linesIterator.map(_.trim).toVector
      val above = lines.lastIndexOfSlice(part.text.linesIterator.map(_.trim).toVector)
      if (above < 0) source
      else {
        packageOfPart = lines.head.stripPrefix("package ")
        new PlacedSource(text, above + 1, part.line)
      }
    case None => source
  }

  override def bind(name: String, boundType: String, value: Any, modifiers: List[String]): IR.Result = {
    if (name == "lastException") failure = Some(value).collect { case thrown: Throwable => thrown }
    super.bind(name, boundType, value, modifiers)
  }
}
