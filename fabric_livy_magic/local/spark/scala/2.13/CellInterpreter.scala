package fabric_livy_magic.local

import java.io.PrintWriter

import scala.reflect.internal.util.{BatchSourceFile, NoSourceFile, Position}
import scala.tools.nsc.Settings
import scala.tools.nsc.interpreter.IMain
import scala.tools.nsc.interpreter.Results.{Error, Result}
import scala.tools.nsc.interpreter.shell.ReplReporterImpl

/** Runs a cell as its parts, and says positions as lines of the cell. */
class CellInterpreter(settings: Settings, out: PrintWriter) extends IMain(settings, new CellReporter(settings, out)) {
  import global._

  private lazy val parts = new CellParts[global.type](global)
  private var toParse: Option[Part] = None
  private var packageOfPart = ""
  private var lineThatFailed = 0

  /** How many parts `code` has; see `CellParts`. */
  def read(code: String, line: Int): Int = {
    lineThatFailed = 0
    try parts.read(code, line)
    finally forgetWarnings() // each part is parsed again, and has them again
  }

  private def forgetWarnings(): Unit = {
    currentRun.reporting.clearSuspendedMessages()
    currentRun.reporting.clearAllConditionalWarnings()
  }

  /** Runs one of the parts that `read` found; its verdict. */
  def run(index: Int): String = {
    toParse = Some(parts(index))
    lineThatFailed = 0
    interpret(parts(index).text).toString
  }

  /** The line of the cell at which the last part threw an exception; 0 if it threw none. */
  def failedLine: Int = lineThatFailed

  /** Once for each part: Scala also compiles lines of its own, such as that of `lastException`. */
  override def parse(line: String, fatally: Boolean): Either[Result, (List[Tree], Position, BatchSourceFile)] =
    toParse match {
      case Some(part) =>
        toParse = None
        val source = new PlacedSource(part.text, 1, part.line)
        val unit = new CompilationUnit(source)
        val trees = newUnitParser(unit).parseStats()
        runReporting.summarizeErrors()
        if (reporter.hasErrors) Left(Error) else Right((trees, unit.firstXmlPos, source))
      case None => super.parse(line, fatally)
    }

  override def compile(line: String, synthetic: Boolean, fatally: Boolean): Either[Result, Request] = {
    val ofPart = toParse.nonEmpty
    val compiled = super.compile(line, synthetic, fatally)
    if (ofPart) compiled.foreach(request => packageOfPart = request.lineRep.packageName)
    compiled
  }

  override def bind(name: String, boundType: String, value: Any, modifiers: List[String]): Result = {
    value match {
      case thrown: Throwable if name == "lastException" =>
        val frame = thrown.getStackTrace.find(_.getClassName.startsWith(packageOfPart + "."))
        lineThatFailed = frame.map(_.getLineNumber).getOrElse(0)
      case _ =>
    }
    super.bind(name, boundType, value, modifiers)
  }
}

/** Says an error as Scala 2.12 does: its line and what is wrong, below the line itself, below a caret. Scala 2.13 begins with the
  * caret, as if what was typed stood above it.
  */
private[local] class CellReporter(settings: Settings, out: PrintWriter) extends ReplReporterImpl(settings, out) {
  override def printMessageAt(position: Position, message: String): Unit =
    if (position == null || position.source == NoSourceFile) printMessage(message)
    else printMessage(Position.formatMessage(position, message, shortenFile = true))
}
