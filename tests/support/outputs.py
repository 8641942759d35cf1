"""Statement outputs in Livy's JSON, for the scripted server."""

from __future__ import annotations

from typing import Any


def text_output(text: str) -> dict[str, Any]:
    return {"status": "ok", "execution_count": 0, "data": {"text/plain": text}}


def sql_output(fields: list[tuple[str, Any]], rows: list[list[Any]]) -> dict[str, Any]:
    schema = [{"name": name, "type": kind, "nullable": True, "metadata": {}} for name, kind in fields]
    table = {"schema": {"type": "struct", "fields": schema}, "data": rows}
    return {"status": "ok", "execution_count": 0, "data": {"application/json": table}}


def error_output(ename: str, evalue: str, traceback: list[str] | None = None) -> dict[str, Any]:
    return {"status": "error", "execution_count": 0, "ename": ename, "evalue": evalue, "traceback": traceback or []}


SYNTAX_ERROR = error_output(
    "Error",
    "\n[PARSE_SYNTAX_ERROR] Syntax error at or near 'selec'.(line 1, pos 0)\n\n== SQL ==\nselec 1\n^^^\n",
    [
        "org.apache.spark.sql.catalyst.parser.ParseException.withCommand(parsers.scala:257)",
        "org.apache.spark.sql.catalyst.parser.AbstractParser.parse(parsers.scala:98)",
        "org.apache.livy.repl.SQLInterpreter.execute(SQLInterpreter.scala:83)",
        "java.base/java.lang.Thread.run(Thread.java:840)",
    ],
)
SCALA_ERROR = error_output(
    "Error", "<console>:23: error: not found: value nosuch", ["       nosuch + 1\n", "       ^\n"]
)
ZERO_DIVISION = error_output(
    "ZeroDivisionError",
    "division by zero",
    [
        "Traceback (most recent call last):\n",
        '  File "<stdin>", line 2, in half\n',
        '  File "/usr/lib/spark/python/pyspark/sql/udf.py", line 423, in wrapper\n',
        "ZeroDivisionError: division by zero\n",
    ],
)
# Statement code → its output.
OUTPUTS = {
    "1+1": text_output("2"),
    "1 + 1": text_output("2"),
    "SELECT 1 AS one": sql_output([("one", "integer")], [[1]]),
    "1/0": ZERO_DIVISION,
    "selec 1": SYNTAX_ERROR,
    "nosuch + 1": SCALA_ERROR,
}
