"""Scala cells of several statements, and the classes that they define, on real Spark."""

from __future__ import annotations

import itertools
import re

import pytest

from tests.support.scala_words import in_this_scala
from tests.support.service import Session

pytestmark = pytest.mark.spark

POINT = "case class Point(x: Int, name: String)"
CLASSES = {
    "objects of an RDD": 'sc.parallelize(1 to 3).map(Point(_, "a")).collect.map(_.x).sum == 6',
    "keys of a shuffle": 'sc.parallelize(1 to 6).map(n => (Point(n % 2, "k"), n)).reduceByKey(_ + _).collect.toMap.apply(Point(1, "k")) == 9',
    "what a task is given": 'val given = Point(5, "g"); sc.parallelize(1 to 2).map(_ => given).collect.forall(_ == given)',
    "a cached RDD": 'val kept = sc.parallelize(1 to 3).map(Point(_, "c")).cache; kept.count; kept.collect.contains(Point(2, "c"))',
    "a broadcast": 'val sent = sc.broadcast(Seq(Point(1, "b"))); sc.parallelize(1 to 2).map(_ => sent.value.head.x).sum == 2',
    "an accumulator": (
        'val seen = sc.collectionAccumulator[Point]("seen"); sc.parallelize(1 to 2).foreach(n => seen.add(Point(n, "s"))); '
        'seen.value.contains(Point(1, "s"))'
    ),
    "a typed Dataset": 'spark.range(3).selectExpr("int(id) x", "\'d\' name").as[Point].map(_.copy(name = "e")).collect.toSeq == (0 to 2).map(Point(_, "e"))',
    "groups": 'Seq(Point(1, "a"), Point(2, "a")).toDS.groupByKey(_.name).mapGroups((key, all) => (key, all.map(_.x).sum)).collect.toSeq == Seq(("a", 3))',
    "a function": 'val of = udf((n: Int) => Point(n, "u")); Seq(4).toDF("n").select(of($"n") as "p").select($"p.x").as[Int].head == 4',
    "sets and maps": 'sc.parallelize(1 to 3).map(n => Map(Point(n, "m") -> Seq(Point(n, "n")))).reduce(_ ++ _).size == 3',
    "a Kryo buffer": (
        "val kryo = new org.apache.spark.serializer.KryoSerializer(sc.getConf).newInstance; "
        'kryo.deserialize[Point](kryo.serialize(Point(1, "r"))) == Point(1, "r")'
    ),
}
SUM = """
import org.apache.spark.sql.{Encoder, Encoders}
import org.apache.spark.sql.expressions.Aggregator
case class Sum(total: Long)
object Total extends Aggregator[Point, Sum, Long] {
  def zero = Sum(0)
  def reduce(sum: Sum, point: Point) = Sum(sum.total + point.x)
  def merge(one: Sum, other: Sum) = Sum(one.total + other.total)
  def finish(sum: Sum) = sum.total
  def bufferEncoder: Encoder[Sum] = Encoders.product
  def outputEncoder: Encoder[Long] = Encoders.scalaLong
}
Seq(Point(1, "a"), Point(4, "b")).toDS.select(Total.toColumn).head
"""


@pytest.fixture(scope="module")
def point(session: Session) -> Session:
    session.text(POINT, "spark")
    return session


@pytest.mark.parametrize("name", CLASSES)
def test_spark_takes_the_classes_of_an_earlier_cell(point: Session, name: str) -> None:
    assert point.text(CLASSES[name], "spark").rstrip().endswith("Boolean = true")


def test_an_aggregator_of_a_cell_works_on_its_classes(point: Session) -> None:
    assert point.text(SUM, "spark").rstrip().endswith("Long = 5")


def test_a_class_that_is_defined_anew_is_the_one_that_counts(point: Session) -> None:
    for field in ("a", "b"):
        code = f"case class Twice({field}: Int)\nsc.parallelize(1 to 2).map(Twice(_)).collect.map(_.{field}).sum"
        assert point.text(code, "spark").rstrip().endswith("Int = 3")
    code = "Seq(Twice(7)).toDS.map(one => Twice(one.b + 1)).collect.toSeq"
    assert point.text(code, "spark").rstrip().endswith(in_this_scala("Seq[Twice] = WrappedArray(Twice(8))"))


def test_a_function_of_a_cell_works_in_sql_and_pyspark(point: Session) -> None:
    point.text('spark.udf.register("to_point", (n: Int) => Point(n, "udf"))', "spark")
    assert point.rows("select to_point(3).x, count(*) from range(4) group by 1") == [[3, 4]]
    assert point.text("spark.sql('select to_point(id).name from range(1)').collect()[0][0]") == "'udf'"


# ------------------------------------------------------------------------------------------------ one cell
TOGETHER = {
    "a class and its companion": (
        "case class Half(twice: Int)\n\nobject Half {\n  def of(n: Int): Half = Half(n * 2)\n}\nHalf.of(2).twice",
        "Int = 4",
    ),
    "a private constructor": (
        "class Secret private (val n: Int)\nobject Secret { def apply(n: Int) = new Secret(n) }\nSecret(3).n",
        "Int = 3",
    ),
    "a companion's implicit": (
        "class Deg(val d: Int)\nval other = 1\nobject Deg { implicit val by: Ordering[Deg] = Ordering.by(_.d) }\n"
        "Seq(new Deg(2), new Deg(1)).min.d",
        "Int = 1",
    ),
    "a sealed family": (
        "sealed trait Shape\ncase class Square(a: Int) extends Shape\ncase object Dot extends Shape\n"
        "def area(s: Shape) = s match {\n  case Square(a) => a * a\n  case Dot => 0\n}\n"
        "area(Dot) + sc.parallelize(Seq[Shape](Square(2))).map(area).sum",
        "Double = 4.0",
    ),
    "functions that use one another": (
        "def even(n: Int): Boolean = n == 0 || odd(n - 1)\ndef odd(n: Int): Boolean = n != 0 && even(n - 1)\neven(10)",
        "Boolean = true",
    ),
    "leading dots": ("List(1, 2, 3)\n  .map(_ + 1)\n\n  // all of them\n  .sum", "Int = 9"),
    "an operator at the end of a line": ("val sum = 1 +\n  2\nsum", "Int = 3"),
    "else on its own line": ('if (1 > 2) "a"\nelse "b"', "String = b"),
    "a value that is defined twice": ("val again = 1\nval again = 2\nagain", "Int = 2"),
    "a comment at the end": ("7 // seven\n/* or\n8 */", "Int = 7"),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_a_cell_is_read_as_a_whole(session: Session, name: str) -> None:
    code, shown = TOGETHER[name]
    text = session.text(code, "spark")
    assert text.rstrip().endswith(shown), text
    assert "companion" not in text


WRONG = {
    "syntax": ("val a = 1\nval b = 2)\n", 2, "val b = 2)"),
    "a type": ('val a = 1\n\nval b: Int =\n  "x"', 4, '"x"'),
    "a name in a group": ("class Box(val n: Int)\nobject Box {\n  val one = nosuch\n}", 3, "  val one = nosuch"),
    "after a magic": ("1\n%json x\nnosuch", 3, "nosuch"),
    "a name in an expression": ("// note\nList(1)\n  .map(_.nosuch)", 3, ".map(_.nosuch)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_error_of_the_compiler_names_the_line_of_the_cell_and_the_place_in_it(session: Session, name: str) -> None:
    code, line, shown = WRONG[name]
    output = session.error(code, "spark")
    assert output["evalue"].startswith(f"<console>:{line}: error: ")
    echo, caret = next(pair for pair in itertools.pairwise(output["traceback"]) if pair[1].strip() == "^")
    assert shown in echo
    assert len(caret.rstrip()) <= len(echo)


def test_a_cell_that_does_not_parse_runs_not_at_all(session: Session) -> None:
    session.error("val neverRan = 1\nval b = (2", "spark")
    session.error("val neverRan = 1\nval b = 2)", "spark")
    assert "not found: value neverRan" in session.error("neverRan", "spark")["evalue"]


THROWN = {
    "in a statement": ('val ok = 1\n\nsys.error("no")', '  in line 3 of the cell: sys.error("no")\n'),
    "in the middle of a statement": (
        'val all = List(1, 2)\n  .map { n =>\n    if (n > 1) sys.error("no")\n    n\n  }',
        '  in line 3 of the cell: if (n > 1) sys.error("no")\n',
    ),
    "by way of a function": (
        'def fails() = sys.error("no")\nval x = 1\nfails()',
        "  in line 3 of the cell: fails()\n",
    ),
}


@pytest.mark.parametrize("name", THROWN)
def test_an_exception_tells_its_line_of_the_cell(session: Session, name: str) -> None:
    code, place = THROWN[name]
    output = session.error(code, "spark")
    assert output["evalue"] == "java.lang.RuntimeException: no"
    assert place in output["traceback"]


def test_an_exception_is_the_error_also_where_the_compiler_warned(session: Session) -> None:
    code = '@deprecated("é", "1") def old = 0\ndef of(n: Option[Int]) = n match {\n  case Some(n) => n\n}\n'
    session.text(code, "spark")
    output = session.error("1 / old", "spark")
    assert output["evalue"] == "java.lang.ArithmeticException: / by zero"
    assert "  in line 1 of the cell: 1 / old\n" in output["traceback"]
    assert re.fullmatch(r"warning: .* deprecation .*", output["data"]["text/plain"])
    output = session.error("{\n  None.asInstanceOf[Option[Int]] match { case Some(n) => n }\n}", "spark")
    assert output["evalue"].startswith("scala.MatchError: None")
    assert output["data"]["text/plain"].startswith("<console>:2: warning: match may not be exhaustive")
