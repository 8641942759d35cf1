"""Tables of the lakehouse's folder, written by Spark and read by deltalake, duckdb and polars, and the other way round.

The snippets of docs/embedded_fabric.md are run here as they stand there.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars
import pytest
from deltalake import DeltaTable, write_deltalake

from tests.support import service
from tests.support.service import NO_DELTA, Session

pytestmark = pytest.mark.spark
DOCS = (service.ROOT / "docs" / "embedded_fabric.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(
    r"```python\n(.*?)```", DOCS.partition("## Tables without Spark")[2].partition("\n## ")[0], re.DOTALL
)
WORKSPACES = """
[[workspaces]]
name = "w"
lakehouses = [{name = "house", folder = "house", schemas = true}, {name = "plain", folder = "plain"}]
"""
# As SQL names a table, and the folder of it.
PLACES = {"with schemas": ("dbo", "house/Tables/dbo"), "without schemas": ("plain", "plain/Tables")}
UTC = datetime.UTC
ROWS: list[dict[str, Any]] = [
    {
        "id": 1,
        "fare": Decimal("12.50"),
        "at": datetime.datetime(2022, 5, 1, 8, 0, 0, 123456, tzinfo=UTC),
        "local": datetime.datetime(2022, 5, 1, 10, 0),
        "day": datetime.date(2022, 5, 1),
        "zone": {"name": "Newark é", "codes": [1, None, 3]},
        "month": "2022-05",
    },
    {"id": 2, "fare": None, "at": None, "local": None, "day": None, "zone": None, "month": "2022/06 a"},
]
COLUMNS = ", ".join(ROWS[0])
VALUES = (
    "(1, cast(12.50 as decimal(10,2)), timestamp'2022-05-01 08:00:00.123456Z', timestamp_ntz'2022-05-01 10:00:00', date'2022-05-01', "
    "named_struct('name', 'Newark é', 'codes', array(1, null, 3)), '2022-05'), "
    "(2, null, null, null, null, null, '2022/06 a')"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("houses")


@pytest.fixture(scope="module")
def spark(folder: Path) -> Iterator[Session]:
    file = folder / "workspaces.toml"
    file.write_text(WORKSPACES)
    process, api = service.start(None, "--workspaces", str(file))
    try:
        session = api.start_session()
        missing = session.wait_for("idle")["tags"].get("FallbackMessages", "")
        if any(words in missing for words in NO_DELTA):
            pytest.skip(missing)
        session.rows("set spark.sql.session.timeZone = UTC")
        yield session
    finally:
        api.http.close()
        assert service.close(process) == 0


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> tuple[str, str]:
    return PLACES[request.param]


def by_duckdb(path: Path) -> list[dict[str, Any]]:
    trips = DeltaTable(path).scan()  # noqa: F841 - duckdb finds it by its name
    duckdb.sql("set timezone = 'UTC'")
    found = duckdb.sql("select * from trips order by id")
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def by_polars(path: Path) -> list[dict[str, Any]]:
    return polars.read_delta(str(path)).sort("id").to_dicts()


def by_deltalake(path: Path) -> list[dict[str, Any]]:
    return polars.DataFrame(DeltaTable(path).scan().read_all()).sort("id").to_dicts()


READERS = [by_deltalake, by_duckdb, by_polars]


def test_they_read_what_spark_wrote(spark: Session, folder: Path, place: tuple[str, str]) -> None:
    schema, tables = place
    spark.rows(f"create table {schema}.typed partitioned by (month) as select * from values {VALUES} as t({COLUMNS})")
    for read in READERS:
        assert read(folder / tables / "typed") == ROWS, read.__name__


def test_they_do_not_see_rows_that_spark_deleted_by_a_deletion_vector(spark: Session, folder: Path) -> None:
    spark.rows("create table vectors (id int) tblproperties ('delta.enableDeletionVectors' = 'true')")
    spark.rows("insert into vectors select /*+ coalesce(1) */ * from values (1), (2), (3)")
    spark.rows("delete from vectors where id = 3")
    path = folder / "house/Tables/dbo/vectors"
    assert list(path.glob("deletion_vector*.bin"))
    for read in READERS:
        assert read(path) == [{"id": 1}, {"id": 2}], read.__name__


def test_renamed_columns_are_read_by_deltalake_and_duckdb_and_refused_by_polars(spark: Session, folder: Path) -> None:
    spark.rows("create table renamed (id int, fare double) tblproperties ('delta.columnMapping.mode' = 'name')")
    spark.rows("insert into renamed values (1, 12.5)")
    spark.rows("alter table renamed rename column fare to price")
    path = folder / "house/Tables/dbo/renamed"
    for read in (by_deltalake, by_duckdb):
        assert read(path) == [{"id": 1, "price": 12.5}], read.__name__
    with pytest.raises(Exception, match="column mapping"):
        by_polars(path)


@pytest.mark.parametrize(
    ("writer", "where"), [("deltalake", "with schemas"), ("polars", "without schemas")], ids=["deltalake", "polars"]
)
def test_spark_reads_by_name_what_they_wrote(spark: Session, folder: Path, writer: str, where: str) -> None:
    schema, tables = PLACES[where]
    frame = polars.DataFrame(ROWS, schema_overrides={"id": polars.Int32, "fare": polars.Decimal(10, 2)})
    path = folder / tables / f"by_{writer}"
    if writer == "polars":
        frame.write_delta(str(path), delta_write_options={"partition_by": ["month"]})
    else:
        write_deltalake(path, frame, partition_by=["month"])
    name = f"{schema}.by_{writer}"
    assert [row[1] for row in spark.rows(f"show tables in {schema} like 'by_{writer}'")] == [f"by_{writer}"]
    described = {row[0]: row[1] for row in spark.rows(f"describe {name}")}
    assert (described["fare"], described["at"], described["local"]) == ("decimal(10,2)", "timestamp", "timestamp_ntz")
    assert spark.rows(f"select id, zone.codes[2], month, unix_micros(at) from {name} order by id") == [
        [1, 3, "2022-05", 1651392000123456],
        [2, None, "2022/06 a", None],
    ]
    spark.rows(f"update {name} set fare = 1.00 where id = 2")
    assert by_polars(path)[1]["fare"] == Decimal("1.00")


def test_the_snippets_of_the_page_run(spark: Session, folder: Path) -> None:
    spark.rows("create table trips as select 1 as zone_id, 12.5d as fare union all select 2, 30.0d")
    assert len(SNIPPETS) == 3
    known: dict[str, Any] = {}
    for snippet in SNIPPETS:
        exec(snippet.replace("/path/to/lakehouse", str(folder / "house")), known)
    assert known["expensive"].fetchall() == [(2, 30.0)]
    assert known["fares"].sort("zone_id").rows() == [(1, 12.5), (2, 30.0)]
    assert spark.rows("select * from zones order by zone_id") == [[1, "Newark"], [2, "Queens"]]
