"""What a person reads of cells that fail in a real session: a golden file of all, the same on both servers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest

from fabric_livy_magic.errors import StatementError, short_remote_error
from fabric_livy_magic.output.errors import whole_error_bundle
from fabric_livy_magic.sessions.session import Session

SETUP = """
import os, sys, tempfile
import pandas as pd
from pyspark.sql.functions import pandas_udf, udf
spark.createDataFrame([(1, 2.5, 'n')], 'id bigint, fare_amount double, name string').createOrReplaceTempView('trips')
trips, pdf = spark.table('trips'), pd.DataFrame({'amount': [1]})
folder = tempfile.mkdtemp()
with open(folder + '/own_module.py', 'w') as file:
    file.write('def parse(x):\\n    return int(f"{x}a")\\n\\ndef outer(x):\\n    return parse(x)\\n')
sc.addPyFile(folder + '/own_module.py')
import own_module
_ = spark.sql('SHOW TABLES').collect()  # the first one takes longer than a suggestion may
spark.udf.register('own_parse', own_module.outer, 'int')
"""
CELLS = {
    "missing column in SQL": ("sql", "SELECT id,\n       fare_amout\nFROM trips"),
    "missing table in SQL": ("sql", "SELECT * FROM trps"),
    "missing function in SQL": ("sql", "SELECT uper(name) FROM trips"),
    "types in SQL": ("sql", "SELECT id,\n  fare_amount AND true FROM trips"),
    "parse error in the third of four statements": (
        "sql",
        "-- first\nSELECT 1;\n\nSELECT 2; SELECT id,\n  FORM trips WHERE;\nSELECT 3",
    ),
    "division by zero in ANSI SQL": (
        "sql",
        "SET spark.sql.ansi.enabled = true;\nSELECT 1,\n  id / 0 FROM range(0, 1, 1, 1)",
    ),
    "raise_error in SQL": ("sql", "SET spark.sql.ansi.enabled = false; SELECT raise_error('no such customer')"),
    "UDF": (
        "pyspark",
        "@udf('double')\ndef ratio(a):\n    b = a - a\n    return a / b\nspark.range(1).select(ratio('id')).show()",
    ),
    "pandas UDF": (
        "pyspark",
        "@pandas_udf('long')\ndef pick(s: pd.Series) -> pd.Series:\n    return s.to_frame('x')['y']\n"
        "spark.range(1).select(pick('id')).toPandas()",
    ),
    "UDF of the user's module in SQL": ("sql", "SELECT own_parse(id) FROM range(1)"),
    "RDD": ("pyspark", "def inv(x):\n    return 1 // x\nsc.parallelize([0], 1).map(inv).collect()"),
    "partition": (
        "pyspark",
        "def work(rows):\n    for row in rows:\n        raise RuntimeError(f'bad row {row.id}')\nspark.range(0, 1, 1, 1).foreachPartition(work)",
    ),
    "path": ("pyspark", "spark.read.parquet('/no/such/file.parquet').show()"),
    "Java": ("pyspark", "spark.conf.get('no.such.conf')"),
    "missing column of a frame": ("pyspark", "(trips\n  .select('fare_amout'))"),
    "missing attribute of a frame": ("pyspark", "trips.fare_amout"),
    "missing column of pandas": ("pyspark", "pdf['amont'].sum()"),
    "missing table of a frame": ("pyspark", "spark.table('trps')"),
    "parse error in spark.sql": ("pyspark", "spark.sql('''\nSELECT *\nFORM trips\n''')"),
    "import": ("pyspark", "import no_such_module"),
    "syntax": ("pyspark", "x = 1\nfor i in range(3)\n    print(i)"),
    "recursion": ("pyspark", "def rec(n):\n    return rec(n + 1)\nrec(0)"),
    "assertion": ("pyspark", "total = 3\nassert total == 4, f'total is {total}'"),
    "chain": (
        "pyspark",
        "try:\n    {}['a']\nexcept KeyError as error:\n    raise ValueError('no setting a') from error",
    ),
    "misspelt name": ("pyspark", "dspark.range(3)"),
    "notes": ("pyspark", "error = ValueError('noted')\nerror.add_note('a note')\nraise error"),
    "memory": ("pyspark", "x = bytearray(10**15)"),
    "types in Scala": ("spark", 'val a = 1\n\ndef f(x: Int): Int = x + 1\nval c: Int = f("text")'),
    "exception in Scala": ("spark", "def half(x: Int): Int = 10 / x\nList(1, 0).map(half)"),
    "task in Scala": ("spark", "sc.parallelize(Seq(0), 1).map(1 / _).collect()"),
}
CELL_NAME = re.compile(r"<cell \d+[^>]*>")


@pytest.fixture(scope="module")
def failures(session: Session) -> dict[str, StatementError]:
    """Of all cells, run once."""
    session.run(SETUP)
    found = {}
    for name, (kind, code) in CELLS.items():
        with pytest.raises(StatementError) as caught:
            session.run(code, kind)
        found[name] = caught.value
    return found


def drawn(error: StatementError) -> str:
    """Without what is another on each run, and the carets below Python's lines, which each version of it draws elsewhere."""
    lines: list[str] = []
    for line in short_remote_error(error).split("\n"):
        in_frames = any(one.lstrip().startswith("File ") for one in lines)
        is_caret = in_frames and line.strip() and not line.strip("~^ ")
        if not is_caret and not line.startswith(
            "  in line "
        ):  # a place in Scala's cell, which Livy itself does not tell
            lines.append(line)
    text = CELL_NAME.sub("<cell>", "\n".join(lines))
    text = re.sub(r"stage [\d.]+", "stage N", re.sub(r"repeated \d+ more", "repeated N more", text))
    return re.sub(r" on (localhost|\S+ executor).*", " on <where>", text)


def test_each_reads_as_the_golden_file(failures: dict[str, StatementError], golden: Callable[[str, str], None]) -> None:
    texts = [f"--- {name}\n{CELLS[name][1]}\n--\n{drawn(error)}\n" for name, error in failures.items()]
    golden("errors/of_cells.txt", "\n".join(texts))


def test_none_has_a_frame_of_a_library_and_the_whole_has_them(failures: dict[str, StatementError]) -> None:
    for name, error in failures.items():
        short = short_remote_error(error)
        assert len(short.splitlines()) <= 18, name
        assert not re.search(r"site-packages|worker\.py|py4j|\tat |fabric_livy", short), name
    whole = whole_error_bundle(failures["RDD"])
    assert "worker.py" in whole["text/html"]
    assert "at org.apache.spark" in whole["text/html"]


def test_an_error_of_pandas_is_not_printed_as_a_warning_as_well(failures: dict[str, StatementError]) -> None:
    assert failures["pandas UDF"].printed == ""


PLAIN: Sequence[str] = ("missing column in SQL", "UDF", "RDD", "syntax", "chain", "types in Scala")


def test_without_the_agent_the_order_is_the_same(
    session: Session, failures: dict[str, StatementError], golden: Callable[[str, str], None]
) -> None:
    texts = []
    for name in PLAIN:
        kind, code = CELLS[name]
        with pytest.raises(StatementError) as caught:
            session.run(code, kind, plain=True)
        texts.append(f"--- {name}\n{drawn(caught.value)}\n")
    golden("errors/of_plain_cells.txt", "\n".join(texts))
