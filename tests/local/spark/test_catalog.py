"""Tables are kept across sessions, and sessions on one lakehouse see each other's tables."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import service
from tests.support.service import Api, Session

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def lakehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of this module only, whose tests list all of its tables."""
    return tmp_path_factory.mktemp("a catalog é") / "house"


@pytest.fixture(scope="module")
def api(lakehouse: Path) -> Iterator[Api]:
    with service.serving(lakehouse) as running:
        yield running


@pytest.fixture(scope="module")
def session(api: Api) -> Session:
    started = api.start_session(name="first")
    started.wait_for("idle")
    return started


@pytest.fixture(scope="module")
def other(lakehouse: Path, session: Session) -> Iterator[Session]:
    """A session of another server process on the same folder."""
    with service.serving(lakehouse) as api:
        started = api.start_session(name="other")
        started.wait_for("idle")
        yield started


def tables(session: Session, schema: str = "dbo") -> set[str]:
    return {name for _, name, temporary in session.rows(f"show tables in {schema}") if not temporary}


@pytest.fixture(scope="module")
def filled(session: Session, lakehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Session:
    outside = tmp_path_factory.mktemp("out side é")
    for statement in (
        "create table t as select id, id * 2 as v from range(5)",
        "create table parts (a int comment 'the a', b string) using parquet partitioned by (b) comment \"it's\"",
        "insert into parts values (1, 'x'), (2, 'y')",
        "create schema other_schema comment 'second'",
        "create table other_schema.u using csv options (header true, sep ';') as select 1 as a, 'z' as `odd name é`",
        "create view v as select sum(v) as total from t",
        "create view other_schema.v2 (renamed) as select v from dbo.t where id = 1",
        f"create table outside using json location '{outside / 'data'}' as select 3 as x",
        "create table empty_one (x decimal(10,2), c char(3) not null, d array<struct<e: date>>) tblproperties ('k' = 'v')",
        "create table Bucketed (a int, b int) using parquet clustered by (a) sorted by (b) into 4 buckets",
        "create temp view temporary_one as select 1",
    ):
        session.rows(statement)
    session.text("spark.range(3).write.mode('overwrite').saveAsTable('Saved')")
    session.rows("select 1")  # definitions are written before this runs
    return session


QUERIES = [
    ("select * from t order by id", [[i, 2 * i] for i in range(5)]),
    ("select * from parts order by a", [[1, "x"], [2, "y"]]),
    ("select * from parts where b = 'y'", [[2, "y"]]),
    ("select * from other_schema.u", [[1, "z"]]),
    ("select * from v", [[20]]),
    ("select renamed from other_schema.v2", [[2]]),
    ("select * from outside", [[3]]),
    ("select * from empty_one", []),
    ("select * from SAVED order by id", [[0], [1], [2]]),
]


@pytest.mark.parametrize(("query", "rows"), QUERIES)
def test_another_session_reads_them(filled: Session, other: Session, query: str, rows: list[list[object]]) -> None:
    assert other.rows(query) == rows
    assert other.output(query, "sql")["data"] == filled.output(query, "sql")["data"]


@pytest.mark.parametrize("name", ["t", "parts", "other_schema.u", "outside", "empty_one", "bucketed", "v"])
def test_definitions_are_the_same(filled: Session, other: Session, name: str) -> None:
    """Delta has no `show create table`, but `describe detail`."""
    for query in (f"show create table {name}", f"describe extended {name}", f"describe detail {name}"):
        assert other.output(query, "sql").get("data") == filled.output(query, "sql").get("data")


def test_temporary_views_stay_in_their_session(filled: Session, other: Session, lakehouse: Path) -> None:
    assert tables(other) == {"t", "parts", "v", "outside", "empty_one", "bucketed", "saved"}
    assert not list(lakehouse.glob(".catalog/**/*temporary*"))


def test_changes_are_seen_at_the_next_statement_in_both_directions(
    filled: Session, other: Session, lakehouse: Path
) -> None:
    other.rows("insert into t values (10, 100)")
    assert filled.rows("select v from t where id = 10") == [[100]]
    filled.rows("alter table empty_one add columns (z string)")
    assert other.rows("select z from empty_one") == []
    other.rows("insert into empty_one values (1.5, 'abc', null, 'new')")
    assert filled.rows("select x, z from empty_one") == [[1.5, "new"]]
    other.rows("insert overwrite parts values (9, 'w')")
    assert filled.rows("select * from parts") == [[9, "w"]]
    other.rows("create or replace view v as select 'changed' as total")
    assert filled.rows("select * from v") == [["changed"]]


def test_a_dropped_table_is_gone_for_other_sessions_and_other_data_is_kept(
    filled: Session, other: Session, lakehouse: Path
) -> None:
    other.rows("drop table saved")
    assert not (lakehouse / "Tables" / "dbo" / "saved").exists()
    filled.rows("create table made_again as select 'new' as x")
    other.rows("drop table made_again")
    other.text("spark.range(1).selectExpr(\"'by path' as x\").write.parquet('Tables/dbo/made_again')")
    assert "made_again" not in tables(filled)
    assert (lakehouse / "Tables" / "dbo" / "made_again").exists()
    other.rows("drop schema other_schema cascade")
    assert filled.rows("show schemas") == [["dbo"]]
    assert "outside" in tables(filled)
    other.rows("drop table outside")
    assert "outside" not in tables(filled)


def test_definitions_that_cannot_be_read_are_skipped_and_logged(
    filled: Session, other: Session, lakehouse: Path
) -> None:
    folder = lakehouse / ".catalog" / "dbo"
    good = json.loads((folder / "t.json").read_text(encoding="utf-8"))
    broken = {
        "broken1.json": "{",
        "broken2.json": "[]",
        "broken3.json": json.dumps({**good, "name": "broken3", "columns": {"type": "nonsense"}}),
        "broken4.json": json.dumps({"database": "dbo", "name": "broken4"}),
        "copied.json": json.dumps(good),
    }
    for name, text in broken.items():
        (folder / name).write_text(text, encoding="utf-8")
    try:
        assert filled.rows("select count(*) from parts") == [[1]]
        log = "\n".join(filled.view()["log"])
        for name in broken:
            assert name in log
    finally:
        for name in broken:
            (folder / name).unlink()


def test_tables_survive_the_end_of_all_sessions_and_a_move_of_the_folder(
    filled: Session, other: Session, api: Api, lakehouse: Path, tmp_path: Path
) -> None:
    for session in (filled, other):
        assert session.api.delete(session.path).status_code == 200
    moved = tmp_path / "moved"
    shutil.copytree(lakehouse, moved)
    with service.serving(moved) as server:
        session = server.start_session()
        session.wait_for("idle")
        assert session.rows("select v from t where id = 10") == [[100]]
        session.rows("drop table t")
        assert not (moved / "Tables" / "dbo" / "t").exists()
    assert (lakehouse / "Tables" / "dbo" / "t").exists()
