"""Real New York taxi trips through real magics in a real kernel, against pandas on the same files."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from fabric_livy_magic.notebook_runs.kernel_managers import OwnKernelManager

DATA = Path(__file__).parents[3] / "shared" / "data"
TRIPS, TAXIS = DATA / "green_tripdata_2022-01.parquet", DATA / "taxis.csv"

HALF_MINUTE_LINE = re.compile(r"(?:[A-Z]\w+: )?\d+ (?:s|min)\b")

pytestmark = [
    pytest.mark.spark,
    pytest.mark.skipif(not TRIPS.exists() or not TAXIS.exists(), reason="the real taxi data is not on this machine"),
]

CELLS = {
    "load": "%load_ext fabric_livy_magic\n%livy use local\nimport json",
    "tables": f"""%%livy_pyspark
spark.read.parquet({str(TRIPS)!r}).write.mode("overwrite").saveAsTable("green_tripdata_2022")
spark.read.csv({str(TAXIS)!r}, header=True, inferSchema=True).write.mode("overwrite").saveAsTable("taxis")
spark.table("green_tripdata_2022").count(), spark.table("taxis").count()""",
    "documented scala": """%%livy_spark
spark.sql("SELECT * FROM green_tripdata_2022 where trip_distance = 10").show()""",
    "documented scala, second statement": """%%livy_spark
val df = spark.sql("SELECT * FROM green_tripdata_2022 where trip_distance = 10")""",
    "documented scala, third statement": "%%livy_spark\ndf.count()",
    "documented pyspark": """%%livy_pyspark
df = spark.sql("SELECT * FROM taxis WHERE distance > 10 AND payment = 'cash'")
df.count()""",
    "sql frame": """%%livy_sql -o far
SELECT PULocationID, lpep_pickup_datetime, trip_distance, lpep_dropoff_datetime
FROM green_tripdata_2022 WHERE trip_distance BETWEEN 15 AND 20 ORDER BY lpep_pickup_datetime, PULocationID, lpep_dropoff_datetime""",
    "sql frame values": """print(json.dumps({
    "columns": list(far.columns),
    "dtypes": [str(t) for t in far.dtypes],
    "rows": json.loads(far.to_json(orient="values", date_format="iso", date_unit="s")),
}))""",
    "sql groups": """%%livy_sql -o groups
SELECT payment, count(*) AS trips, round(sum(fare), 2) AS fares, min(pickup) AS first, max(distance) AS longest
FROM taxis GROUP BY payment ORDER BY payment NULLS FIRST""",
    "sql groups values": "print(groups.to_json(orient='records', date_format='iso', date_unit='s'))",
    "sql cut": "%%livy_sql -o cut\nSELECT * FROM green_tripdata_2022",
    "stop": "%livy stop",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    folder = tmp_path_factory.mktemp("real-data")
    notebook = new_notebook(cells=[new_code_cell(source) for source in CELLS.values()])
    client = NotebookClient(
        notebook, timeout=180, kernel_manager_class=OwnKernelManager, resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env={**os.environ, "FABRIC_LIVY_LAKEHOUSE": str(folder / "lakehouse")})
    nbformat.validate(notebook)
    return {name: cell.outputs for name, cell in zip(CELLS, notebook.cells, strict=True)}


@pytest.fixture(scope="module")
def trips() -> pd.DataFrame:
    return pd.read_parquet(TRIPS)


@pytest.fixture(scope="module")
def taxis() -> pd.DataFrame:
    return pd.read_csv(TAXIS, parse_dates=["pickup", "dropoff"])


def text(outputs: list[Any]) -> str:
    return "".join(str(o.get("text") or o.get("data", {}).get("text/plain", "")) for o in outputs)


def test_both_files_are_loaded_whole(outputs: dict[str, list[Any]], trips: pd.DataFrame, taxis: pd.DataFrame) -> None:
    assert len(trips) == 62_495
    assert f"({len(trips)}, {len(taxis)})" in text(outputs["tables"]).splitlines()


def test_the_documented_scala_statement_shows_the_rows(outputs: dict[str, list[Any]], trips: pd.DataFrame) -> None:
    shown = text(outputs["documented scala"])
    rows = [line for line in shown.splitlines() if line.startswith("|") and "lpep" not in line]
    assert "|lpep_pickup_datetime|lpep_dropoff_datetime|trip_distance|" in shown
    assert len(rows) == min(20, int((trips.trip_distance == 10).sum()))


def test_a_later_scala_statement_uses_an_earlier_one(outputs: dict[str, list[Any]], trips: pd.DataFrame) -> None:
    assert "df: org.apache.spark.sql.DataFrame" in text(outputs["documented scala, second statement"])
    assert (
        text(outputs["documented scala, third statement"])
        .strip()
        .endswith(f"Long = {(trips.trip_distance == 10).sum()}")
    )


def test_a_pyspark_count_is_pandas_count(outputs: dict[str, list[Any]], taxis: pd.DataFrame) -> None:
    wanted = ((taxis.distance > 10) & (taxis.payment == "cash")).sum()
    assert text(outputs["documented pyspark"]).strip() == str(wanted)


def test_a_sql_frame_has_pandas_values_and_types(outputs: dict[str, list[Any]], trips: pd.DataFrame) -> None:
    found = json.loads(text(outputs["sql frame values"]))
    wanted = trips[trips.trip_distance.between(15, 20)].sort_values(
        ["lpep_pickup_datetime", "PULocationID", "lpep_dropoff_datetime"]
    )
    wanted = wanted[found["columns"]]
    assert len(found["rows"]) == len(wanted) > 100
    assert found["dtypes"][0].lower().startswith("int")
    assert found["dtypes"][1].startswith("datetime64")
    rows = json.loads(wanted.to_json(orient="values", date_format="iso", date_unit="s"))
    assert [[str(v).replace("Z", "").replace(".000", "") for v in row] for row in found["rows"]] == [
        [str(v).replace("Z", "").replace(".000", "") for v in row] for row in rows
    ]


def test_grouped_values_are_pandas_values(outputs: dict[str, list[Any]], taxis: pd.DataFrame) -> None:
    found = json.loads(text(outputs["sql groups values"]))
    assert sum(row["trips"] for row in found) == len(taxis)
    for row in found:
        group = taxis[taxis.payment.isna()] if row["payment"] is None else taxis[taxis.payment == row["payment"]]
        assert row["trips"] == len(group)
        assert row["fares"] == pytest.approx(group.fare.sum())
        assert row["longest"] == group.distance.max()
        assert row["first"][:19] == group.pickup.min().isoformat()[:19]


def test_a_whole_result_of_more_than_livys_rows_arrives_and_the_caption_counts_it(
    outputs: dict[str, list[Any]],
) -> None:
    shown = text(outputs["sql cut"])
    fetched = int(shown.rsplit("10 of ", 1)[1].split(" rows shown")[0].replace(",", ""))
    assert fetched > 1000
    assert "more" not in shown.rsplit("10 of ", 1)[1]


def test_a_headless_run_prints_a_start_and_an_end_line_and_no_widget(outputs: dict[str, list[Any]]) -> None:
    lines = text(outputs["tables"]).strip().splitlines()
    assert lines[0].startswith("No session yet: starting one on local")
    assert lines[1].startswith("Session 'main' is ready after")
    # A slow machine adds a line for each half minute that the cell runs, and one for its end.
    assert len([line for line in lines if not HALF_MINUTE_LINE.match(line)]) == 3
    assert "widget" not in json.dumps(outputs)
