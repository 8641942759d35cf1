"""SQL cells are cut into statements, and their parameters found, as Spark's own parser does it."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fabric_livy_magic.cells.sql_text import _tokens, parameter_names, split_statements

SPLIT = {
    "two": ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
    "no semicolon at the end": ("SELECT 1;\nSELECT 2\n", ["SELECT 1", "SELECT 2"]),
    "nothing": ("", []),
    "semicolons alone": (" ;; \n;", []),
    "comments alone": ("-- one; two\n/* three; */ ; -- four", []),
    "a comment after the last": ("SELECT 1; -- it's done", ["SELECT 1"]),
    "comments stay with the statement below": (
        "-- what\nSELECT /* 1; */ 2; SELECT 3",
        ["-- what\nSELECT /* 1; */ 2", "SELECT 3"],
    ),
    "a lone quote in a line comment": ("SELECT 1 -- don't; \"\n; SELECT 2", ["SELECT 1 -- don't; \"", "SELECT 2"]),
    "a lone quote in a bracketed comment": ("/* don't; */ SELECT 1; SELECT 2", ["/* don't; */ SELECT 1", "SELECT 2"]),
    "a line comment that a backslash continues": (
        "SELECT 1 -- a\\\n; b\n; SELECT 2",
        ["SELECT 1 -- a\\\n; b", "SELECT 2"],
    ),
    "a line comment that ends with a carriage return": ("SELECT 1 -- a\r; SELECT 2", ["SELECT 1 -- a", "SELECT 2"]),
    "nested comments": ("/* a /* b; */ c; */ SELECT 1; SELECT 2", ["/* a /* b; */ c; */ SELECT 1", "SELECT 2"]),
    "a hint in a comment does not nest": ("/* /*+ x */ SELECT 1; SELECT 2", ["/* /*+ x */ SELECT 1", "SELECT 2"]),
    "a hint": ("SELECT /*+ BROADCAST(t) */ 1 FROM t; SELECT 2", ["SELECT /*+ BROADCAST(t) */ 1 FROM t", "SELECT 2"]),
    "no comment in a string": ("SELECT '--', \"/*\"; SELECT 2", ["SELECT '--', \"/*\"", "SELECT 2"]),
    "strings": ("SELECT 'a;b', \"c;d\", ';' ';'; SELECT 2", ["SELECT 'a;b', \"c;d\", ';' ';'", "SELECT 2"]),
    "escaped quotes": (r"SELECT 'it\'s;', '\\'; SELECT 2", [r"SELECT 'it\'s;', '\\'", "SELECT 2"]),
    "doubled quotes": ("SELECT 'it''s;'; SELECT 2", ["SELECT 'it''s;'", "SELECT 2"]),
    "raw strings": ("SELECT r'\\', R\"\\\"; SELECT 2", ["SELECT r'\\', R\"\\\"", "SELECT 2"]),
    "no raw string": ("SELECT bar'\\';'; SELECT 2", ["SELECT bar'\\';'", "SELECT 2"]),
    "backquotes": ("SELECT `a;``;b`; SELECT 2", ["SELECT `a;``;b`", "SELECT 2"]),
    "dollar quotes": ("SELECT $x$ a; $$ $x$; SELECT 2", ["SELECT $x$ a; $$ $x$", "SELECT 2"]),
    "no dollar quotes": ("SET a=$$; SELECT 2", ["SET a=$$", "SELECT 2"]),
    "a string that is not closed": ("SELECT 1; SELECT 'a; SELECT 2;", ["SELECT 1", "SELECT 'a; SELECT 2;"]),
    "a comment that is not closed": ("SELECT 1; SELECT 2 /* a; /* b; */", ["SELECT 1", "SELECT 2 /* a; /* b; */"]),
    "a backslash at the very end": ("SELECT '\\", ["SELECT '\\"]),
    "settings": ("SET a.b=c;\nSET `x`=`a;b`;RESET a.b;", ["SET a.b=c", "SET `x`=`a;b`", "RESET a.b"]),
    "jars": ("ADD JAR hdfs://host/a--b.jar; LIST JARS;", ["ADD JAR hdfs://host/a--b.jar", "LIST JARS"]),
    "columns named begin and end": ("SELECT begin, end FROM t; SELECT 2", ["SELECT begin, end FROM t", "SELECT 2"]),
    "CASE": ("SELECT CASE WHEN a THEN 1 END; SELECT 2", ["SELECT CASE WHEN a THEN 1 END", "SELECT 2"]),
}
# Each is one statement of Spark 4.
SCRIPTS = [
    "BEGIN END",
    "BEGIN SELECT 1; SELECT 2; END",
    "-- one\nbegin not atomic\n  SELECT ';';\nend",
    "BEGIN BEGIN SELECT 1; END; l: BEGIN SELECT 2; END l; `l;l`: BEGIN SELECT 3; END; END",
    "BEGIN IF 1 = 1 THEN SELECT 1; ELSEIF 2 = 2 THEN SELECT 2; ELSE SELECT 3; END IF; SELECT 4; END",
    "BEGIN IF 1 = 1 THEN SELECT 1; ELSE IF 2 = 2 THEN SELECT 2; END IF; END IF; SELECT 4; END",
    "BEGIN IF if(a, b, c) THEN DROP TABLE IF EXISTS t; END IF; END",
    "BEGIN CASE WHEN CASE a WHEN 1 THEN b END THEN SELECT 1; WHEN c THEN SELECT 2; ELSE SELECT 3; END CASE; END",
    "BEGIN CASE a WHEN 1 THEN SELECT CASE WHEN b THEN 1 ELSE 2 END AS end; END CASE; SELECT 4; END",
    "BEGIN l: WHILE a < 1 DO SET a = a + 1; ITERATE l; END WHILE l; SELECT 4; END",
    "BEGIN REPEAT SET a = 1; UNTIL a = CASE WHEN b THEN 1 END END REPEAT; SELECT 4; END",
    "BEGIN l: LOOP LEAVE l; END LOOP l; SELECT repeat('a', 2); END",
    "BEGIN FOR r AS SELECT CASE WHEN a THEN b END FROM t DO SELECT r.b; END FOR; SELECT 4; END",
    "BEGIN DECLARE a INT; DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN SELECT 1; END; SELECT 2; END",
    "BEGIN DECLARE EXIT HANDLER FOR NOT FOUND SET a = 1; SELECT 2; END",
    "BEGIN SELECT begin, start, end FROM t; SELECT t.end, t.case, case FROM begin; END",
    "BEGIN MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET a = 1; SELECT 1; END",
    "BEGIN begin: LOOP WHILE :begin DO SELECT :loop, :end; END WHILE; END LOOP; END",
]


@pytest.mark.parametrize("name", SPLIT)
def test_a_cell_is_cut_at_the_semicolons_between_statements(name: str) -> None:
    cell, wanted = SPLIT[name]
    assert split_statements(cell) == wanted


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_compound_statement_is_one(script: str) -> None:
    assert split_statements(f"SELECT 1;\n{script};\nSELECT end;") == ["SELECT 1", script, "SELECT end"]


def test_a_compound_statement_without_its_end_reaches_to_the_end_of_the_cell() -> None:
    assert split_statements("BEGIN SELECT 1; SELECT 2") == ["BEGIN SELECT 1; SELECT 2"]


PIECES = st.one_of(
    st.sampled_from(
        ["'", '"', "`", ";", ";", "--", "/*", "*/", "/*+", "\\", "\n", "\r\n", " ", "a", "r'", 'R"', ":", "::"]
    ),
    st.sampled_from(["$$", "$a$", "1", ".", "é", "b://c", "-", "*", "/", "''", "<", ">", "struct", ",", ")"]),
    st.sampled_from(["begin ", "end ", "case ", "if ", "then ", "while ", "do ", "until ", "declare ", "handler "]),
)
TEXTS = st.one_of(st.lists(PIECES, max_size=30).map("".join), st.text(string.printable + "é\u00a0😀", max_size=40))


@given(TEXTS)
@example("begin;end")
def test_nothing_but_semicolons_and_comments_is_lost(text: str) -> None:
    assert "".join(token.text for token in _tokens(text)) == text
    position = 0
    for statement in split_statements(text):
        assert statement == statement.strip() != ""
        found = text.index(statement, position)
        between = [token for token in _tokens(text[position:found]) if token.kind != "gap"]
        assert {token.text for token in between} <= {";"}
        position = found + len(statement)
    assert {token.text for token in _tokens(text[position:]) if token.kind != "gap"} <= {";"}


@given(TEXTS)
def test_a_statement_is_cut_no_further(text: str) -> None:
    for statement in split_statements(text):
        assert split_statements(statement) == [statement]


QUOTES = {"'": "\\'", '"': '\\"', "`": "``"}


@given(st.lists(st.tuples(st.sampled_from(sorted(QUOTES)), st.text(string.printable)), min_size=1, max_size=4))
def test_whatever_is_quoted_stays_whole(words: list[tuple[str, str]]) -> None:
    quoted = [
        mark + (text if mark == "`" else text.replace("\\", "\\\\")).replace(mark, QUOTES[mark]) + mark
        for mark, text in words
    ]
    statements = [f"SELECT {one}, :a /* :b; ' */ -- :c; `" for one in quoted]
    assert split_statements("\n;".join(statements)) == statements
    assert parameter_names("\n".join(statements)) == ["a"]


NAMES = {
    "none": ("SELECT 1", []),
    "in their order and once": ("SELECT :b, :a WHERE x > :b", ["b", "a"]),
    "blanks and comments between": ("SELECT : a, : /* x */ b", ["a", "b"]),
    "backquotes": ("SELECT :`a b`, :`c``d`", ["a b", "c`d"]),
    "keywords": ("SELECT :select, :from, :limit FROM t LIMIT :end", ["select", "from", "limit", "end"]),
    "strings and comments": ("SELECT ':a', \":b\", r':c', `:d` -- :e\n/* :f */", []),
    "a time": ("SELECT TIMESTAMP '2024-01-01 12:30:00'", []),
    "casts": ("SELECT a::int, :b::date, a :: int", ["b"]),
    "paths into a variant": ("SELECT v:a, v:b.c[0]:d, f(x):e, x[0] :f, t.limit:g, comment:h, :v:i", ["v"]),
    "fields of types": (
        "SELECT CAST(a AS STRUCT<from:INT, to :INT, by: ARRAY<STRUCT<in:INT>>>) > :x, b < :y",
        ["x", "y"],
    ),
    "a column named struct": ("SELECT 1 WHERE struct < 5 AND a = :x", ["x"]),
    "slices": ("SELECT x[1:2], x[1 :n]", []),
    "numbers": ("SELECT :1, :2L, :1a", ["1a"]),
    "labels": ("l: BEGIN SELECT :a; m : LOOP SELECT :b; END LOOP m; END l", ["a", "b"]),
    "next to symbols": ("SELECT (:a)+:b=:c,-:d*:e, f(x=>:f), x->:g", list("abcdefg")),
    "next to words": ("SELECT:a FROM t WHERE x NOT LIKE:f AND:b BETWEEN:c AND:d LIMIT:e", list("afbcde")),
    "after words of commands": ("CREATE TABLE t (a INT COMMENT :a DEFAULT :b) LOCATION :c", list("abc")),
    "time travel": ("SELECT * FROM t VERSION AS OF :v", ["v"]),
    "intervals": ("SELECT INTERVAL :n DAY", ["n"]),
    "identifiers": ("SELECT * FROM IDENTIFIER(:t)", ["t"]),
    "members of JSON_OBJECT": ("SELECT json_object('a': b, 'c' : d)", []),
    "an address": ("LIST FILES hdfs://a:b", []),
    "settings are raw text": ("SET a = :b", []),
    "variables are not": ("SET VAR a = :b", ["b"]),
    "a colon at the end": ("SELECT :", []),
}


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_found(name: str) -> None:
    statement, wanted = NAMES[name]
    assert parameter_names(statement) == wanted


@given(TEXTS)
def test_every_text_has_names(text: str) -> None:
    for name in parameter_names(text):
        assert name in text.replace("``", "`")


class Parser:
    """Spark's own, of the installed version, in a JVM without a session: that costs a second."""

    def __init__(self, gateway: Any) -> None:
        self.antlr = gateway.jvm.org.antlr.v4.runtime
        self.package = gateway.jvm.org.apache.spark.sql.catalyst.parser
        self.parser = gateway.jvm.org.apache.spark.sql.execution.SparkSqlParser()

    def plan(self, statement: str) -> str:
        return str(self.parser.parsePlan(statement).toString())

    def tokens(self, text: str) -> list[tuple[str, int]]:
        stream = self.package.UpperCaseCharStream(self.antlr.CharStreams.fromString(text))
        lexer = self.package.SqlBaseLexer(stream)
        lexer.removeErrorListeners()
        names = lexer.getVocabulary()
        return [(names.getSymbolicName(one.getType()), one.getStartIndex()) for one in lexer.getAllTokens()]


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

    from fabric_livy_magic.local.spark.java import find_java, java_options
    from fabric_livy_magic.local.spark.submit import spark_home

    java, jars = find_java(spark()), spark_home() / "jars"
    (py4j,) = jars.glob("py4j-*.jar")
    port = launch_gateway(
        jarpath=str(py4j), classpath=f"{jars}/*", javaopts=java_options(java), java_path=str(java), die_on_exit=True
    )
    gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port))
    yield Parser(gateway)
    gateway.shutdown()


def spark() -> str:
    return version("pyspark")


# Cells that Spark refuses.
REFUSED = re.compile("not closed|dollar quotes|a backslash at the very end|no raw string")


@pytest.mark.spark
def test_spark_parses_every_statement(parser: Parser) -> None:
    cells = [cell for name, (cell, _) in SPLIT.items() if not REFUSED.search(name)]
    for cell in [*cells, *(SCRIPTS if spark() >= "4" else [])]:
        for statement in split_statements(cell):
            assert parser.plan(statement)


# Spark 3.5 has no casts by `::`, no variables and no paths. What Spark 4 replaces before it parses is in neither list.
NAMES_FOR_SPARK_3 = [
    "none",
    "in their order and once",
    "blanks and comments between",
    "backquotes",
    "keywords",
    "strings and comments",
    "a time",
    "fields of types",
    "a column named struct",
    "next to words",
    "identifiers",
    "settings are raw text",
]
NAMES_FOR_SPARK_4 = ["casts", "variables are not"]


@pytest.mark.spark
def test_spark_asks_for_the_same_names(parser: Parser) -> None:
    for name in [*NAMES_FOR_SPARK_3, *(NAMES_FOR_SPARK_4 if spark() >= "4" else [])]:
        statement, wanted = NAMES[name]
        assert set(re.findall(r"namedparameter\(([^)]*)\)", parser.plan(statement))) == set(wanted), statement


@pytest.mark.spark
def test_spark_sees_the_same_semicolons(parser: Parser) -> None:
    unclosed = {"UNRECOGNIZED", "BEGIN_DOLLAR_QUOTED_STRING"}

    @settings(max_examples=100)
    @given(st.lists(PIECES.filter(lambda one: "$" not in one and "//" not in one), max_size=25).map("".join))
    def same(text: str) -> None:
        spark_tokens = parser.tokens(text)
        if not unclosed & {name for name, _ in spark_tokens}:
            own_semicolons = [token.start for token in _tokens(text) if token.text == ";"]
            assert [start for name, start in spark_tokens if name == "SEMICOLON"] == own_semicolons

    same()
