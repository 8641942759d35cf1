"""`session.files` and `session.upload_table` on real Spark."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from fabric_livy_magic import connect
from fabric_livy_magic.errors import SettingsError, StatementError
from fabric_livy_magic.sessions.session import Session

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with connect("local", lakehouse=str(tmp_path_factory.mktemp("lake"))) as one:
        yield one


@pytest.fixture(autouse=True)
def here(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert session.files.list("Files", recursive=True) == []


def test_files_of_the_session_are_there_for_its_cells(session: Session, here: Path) -> None:
    (here / "a b.txt").write_text("from here", encoding="utf-8")
    session.files.upload(here / "a b.txt", "Files/a b.txt")
    assert "from here" in session.run("print(open('/lakehouse/default/Files/a b.txt').read())").text
    session.files.delete("Files/a b.txt")


def test_a_frame_has_the_types_of_a_sent_frame(session: Session) -> None:
    frame = pd.DataFrame(
        {
            "id": [1, 2],
            "moment": pd.to_datetime(["2024-01-31 10:00", None]),
            "day": [datetime.date(2024, 1, 31), None],
            "words": [["a", "b"], []],
            "ratio": [0.5, float("nan")],
        }
    )
    made = session.upload_table(frame, "frames")
    _, sent = session.put(frame, "sent")
    assert (made.rows, made.new_rows) == (2, 2)
    assert [name for name, _ in made.columns] == [name for name, _ in sent]
    schema = session.sql("SELECT * FROM frames").dtypes.astype(str).tolist()
    assert schema == session.sql("SELECT * FROM sent").dtypes.astype(str).tolist()


def test_a_table_that_is_there_is_kept_replaced_or_added_to(session: Session, here: Path) -> None:
    Path("a.csv").write_text("id,name\n1,x\n", encoding="utf-8")
    Path("b.csv").write_text("NAME,ID\ny,2\n", encoding="utf-8")
    session.upload_table("a.csv", "kept")
    with pytest.raises(StatementError, match="kept exists already"):
        session.upload_table("a.csv", "kept")
    assert session.upload_table("b.csv", "kept", append=True).new_rows == 1
    assert session.sql("SELECT id, name FROM kept ORDER BY id").to_numpy().tolist() == [[1, "x"], [2, "y"]]
    Path("c.csv").write_text("id,other\n3,z\n", encoding="utf-8")
    with pytest.raises(StatementError, match="it has no name; other is not in the table"):
        session.upload_table("c.csv", "kept", append=True)
    assert session.upload_table("c.csv", "kept", overwrite=True).columns == (("id", "int"), ("other", "string"))


def test_json_has_one_value_a_line(session: Session) -> None:
    """The document is in tests/support/options.py."""
    Path("a.json").write_text('{"a": 1}\n{"a": 2}\n', encoding="utf-8")
    made = session.upload_table("a.json", "from_json")
    assert (made.rows, made.columns) == (2, (("a", "bigint"),))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("a.json", "{a\nfoo", "is no JSON"), ("a.csv", "\n", "no columns")],
)
def test_what_no_table_can_be_made_of_is_refused(session: Session, name: str, content: str, message: str) -> None:
    Path(name).write_text(content, encoding="utf-8")
    with pytest.raises(StatementError, match=message):
        session.upload_table(name, "nothing")
    assert "nothing" not in session.sql("SHOW TABLES").tableName.tolist()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("missing.csv", "There is no file"),
        (".", "is a folder"),
        ("empty.csv", "is empty"),
        ("a.xlsx", "ends in .parquet"),
    ],
)
def test_files_that_cannot_be_sent_are_refused(session: Session, source: str, message: str) -> None:
    Path("empty.csv").touch()
    Path("a.xlsx").write_text("x")
    with pytest.raises(SettingsError, match=message):
        session.upload_table(source, "nothing")
    with pytest.raises(SettingsError, match="is no name of a table"):
        session.upload_table("empty.csv", "a..b")
