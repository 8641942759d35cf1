package fabric_livy_magic.local

import scala.collection.mutable.ListBuffer
import scala.reflect.internal.util.BatchSourceFile
import scala.tools.nsc.Global

/** Statements of a cell that are compiled in one run; `line` is the line of the cell at which they begin, from 1. */
private[local] case class Part(text: String, line: Int)

/** Lines are those of the cell: line `here` of the text, counted from 1, is line `there` of the cell. */
private[local] class PlacedSource(text: String, here: Int, there: Int)
    extends BatchSourceFile(CellParts.Label, text.toSeq) {
  override def offsetToLine(offset: Int): Int = 0 max (super.offsetToLine(offset) + there - here)
  override def lineToOffset(line: Int): Int = super.lineToOffset(0 max (line - there + here))
}

/** A cell as its statements, which the compiler's own parser finds; in Scala 2.12 and 2.13.
  *
  * One compiler run a statement, as in a shell: what ran before an error stays, and a name may be defined twice. Only what Scala
  * takes for one thing is compiled in one run: a class and its companion, a sealed family, definitions that use one another,
  * imports that follow one another.
  */
private[local] class CellParts[G <: Global](val global: G) {
  import global._

  private case class Statement(start: Int, end: Int, trees: List[Tree])

  private var parts = Vector.empty[Part]

  def apply(index: Int): Part = parts(index)

  /** How many parts `code` has, whose first line is line `line` of the cell. Of code that does not parse the errors are printed:
    * INCOMPLETE or WRONG.
    */
  def read(code: String, line: Int): Int = {
    var isIncomplete = false
    reporter.reset()
    val statements = currentRun.parsing.withIncompleteHandler((_, _) => isIncomplete = true) {
      val source = new PlacedSource(code, 1, line)
      val parser = new CellParser(new CompilationUnit(source)) // reads the first token
      parser.parseStats()
      parser.statements.toVector
    }
    parts = Vector.empty
    if (reporter.hasErrors) CellParts.Wrong
    else if (isIncomplete) CellParts.Incomplete
    else {
      parts = grouped(statements).map(group => partOf(code, group, line))
      parts.size
    }
  }

  // ---------------------------------------------------------------------------------------------- parsing

  private class CellParser(unit: CompilationUnit) extends syntaxAnalyzer.UnitParser(unit) {
    val statements = ListBuffer.empty[Statement]
    private var depth = 0

    /** Of classes, too: only those at depth 0 are statements of the cell. */
    override def templateStat: PartialFunction[Int, List[Tree]] = {
      val original = super.templateStat
      val recorded: PartialFunction[Int, List[Tree]] = {
        case token if original.isDefinedAt(token) =>
          val start = in.offset
          depth += 1
          val trees =
            try original(token)
            finally depth -= 1
          if (depth == 0) statements += Statement(start, in.lastOffset, trees)
          trees
      }
      recorded
    }
  }

  private def partOf(code: String, group: Seq[Statement], line: Int): Part = {
    val indent = code.substring(0, group.head.start).reverseIterator.takeWhile(c => c == ' ' || c == '\t').size
    val start = group.head.start - indent
    Part(code.substring(start, group.last.end), line + code.substring(0, start).count(_ == '\n'))
  }

  // ---------------------------------------------------------------------------------------------- grouping

  /** Statements from the first to the last of those that belong together; each other one alone. */
  private def grouped(statements: Vector[Statement]): Vector[Vector[Statement]] = {
    val groups = ListBuffer.empty[Vector[Statement]]
    var first = 0
    while (first < statements.size) {
      var last = first
      var looked = first
      while (looked <= last) {
        val linked = (last + 1 until statements.size).filter(later => belongTogether(statements, looked, later))
        last = (last +: linked).max
        looked += 1
      }
      groups += statements.slice(first, last + 1)
      first = last + 1
    }
    groups.toVector
  }

  private def belongTogether(statements: Vector[Statement], earlier: Int, later: Int): Boolean = {
    val (one, other) = (statements(earlier).trees, statements(later).trees)
    val between = statements.slice(earlier, later + 1).map(_.trees)
    areCompanions(one, other) || isFamily(one, other) ||
    between.forall(_.forall(_.isDef)) && between.forall(!_.exists(_.isInstanceOf[ValDef])) &&
      named(other).exists(uses(one)) && named(one).intersect(named(other)).isEmpty ||
    between.forall(_.forall(_.isInstanceOf[Import]))
  }

  private def areCompanions(one: List[Tree], other: List[Tree]): Boolean = {
    def names(trees: List[Tree], ofObjects: Boolean) =
      trees.collect { case tree: ImplDef if tree.isInstanceOf[ModuleDef] == ofObjects => tree.name.toString }
    names(one, ofObjects = true).exists(names(other, ofObjects = false).contains) ||
    names(one, ofObjects = false).exists(names(other, ofObjects = true).contains)
  }

  private def isFamily(one: List[Tree], other: List[Tree]): Boolean = {
    val closed = one.collect { case tree: ClassDef if tree.mods.isSealed => tree.name.toString }
    def parents(tree: Tree) = tree.collect { case template: Template => template.parents }.flatten
    closed.nonEmpty && other.exists {
      case tree: ImplDef => parents(tree).exists(parent => closed.exists(uses(List(parent))))
      case _ => false
    }
  }

  private def named(trees: List[Tree]): List[String] = trees.collect { case tree: MemberDef => tree.name.decoded }

  private def uses(trees: List[Tree]): Set[String] =
    trees.flatMap(_.collect { case tree: RefTree => tree.name.decoded }).toSet
}

private[local] object CellParts {
  val Label = "<console>"
  val Incomplete: Int = -1
  val Wrong: Int = -2
}
