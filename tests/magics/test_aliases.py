"""`%livy alias`: short names on request, and never another extension's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.magics.conftest import start_elsewhere
from tests.support.fakes import FakeFabric
from tests.support.notebook import Notebook
from tests.support.outputs import sql_output

OTHER = """
from IPython.core.magic import register_line_cell_magic
def load_ipython_extension(shell):
    @register_line_cell_magic
    def sql(line, cell=None):
        return "theirs"
def unload_ipython_extension(shell):
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("sql", None)
"""


@pytest.fixture
def with_other(nb: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Notebook:
    """Another extension with a `%sql` and a `%%sql` can be loaded."""
    (tmp_path / "other_sql.py").write_text(OTHER)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "other_sql", raising=False)
    return nb


def test_without_it_there_are_no_short_names(nb: Notebook) -> None:
    assert "Cell magic `%%sql` not found" in nb.fails("%%sql\nrows")
    assert "There was nothing to remove." in nb.ok("%livy alias --off").text


def test_short_names_are_the_long_ones_until_they_are_taken_back(started: Notebook, fabric: FakeFabric) -> None:
    fabric.answer("rows", sql_output([("n", "long")], [[1], [2]]))
    said = started.ok("%livy alias").text
    assert "%%sql is %%livy_sql" in said
    assert "`%livy alias --off` takes that back" in said
    assert "2 rows" in started.ok("%%sql\nrows").text
    assert len(started.ok("frame = %sql rows\nframe").value) == 2
    for kind in ("pyspark", "spark", "sparkr"):
        assert started.ok(f"%%{kind}\n1+1").text.strip() == "2"
    assert [kind for kind, _ in fabric.posted_code] == ["sql", "sql", "pyspark", "spark", "sparkr"]
    assert "Removed: %%sql, %%spark, %%pyspark, %%sparkr." in started.ok("%livy alias --off").text
    assert "not found" in started.fails("%%sql\nrows")
    assert "2 rows" in started.ok("%%livy_sql\nrows").text


def test_only_those_that_are_named(nb: Notebook) -> None:
    assert "%%sql is %%livy_sql. " in nb.ok("%livy alias sql").text
    assert "not found" in nb.fails("%%pyspark\n1")
    assert "Did you mean 'pyspark'?" in nb.fails("%livy alias pyspak")
    assert "Removed: %%sql." in nb.ok("%livy alias %%sql --off").text


def test_a_magic_of_another_extension_is_left_alone_and_that_is_said(with_other: Notebook) -> None:
    with_other.ok("%load_ext other_sql")
    said = with_other.ok("%livy alias").text
    assert "%%sql is left alone: it is a magic of other_sql." in said
    assert "%%sql is %%livy_sql" not in said
    assert with_other.ok("%%sql\nrows").value == "theirs"
    assert "%%pyspark" in with_other.ok("%livy alias --off").text
    assert with_other.ok("%%sql\nrows").value == "theirs"


def test_an_extension_that_comes_later_keeps_its_magic(with_other: Notebook) -> None:
    with_other.ok("%livy alias")
    with_other.ok("%load_ext other_sql")
    assert "%%sql" not in with_other.ok("%livy alias --off").text
    assert with_other.ok("%%sql\nrows").value == "theirs"


def test_unloading_takes_the_names_back(nb: Notebook) -> None:
    nb.ok("%livy alias")
    nb.ok("%unload_ext fabric_livy_magic")
    assert "not found" in nb.fails("%%sql\nrows")


def test_a_setting_registers_them_with_the_extension(with_other: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_LIVY_ALIAS", "true")
    with_other.ok("%load_ext other_sql")
    said = with_other.ok("%reload_ext fabric_livy_magic").text
    assert "%%sql is left alone" in said
    assert with_other.ok("%pyspark --help").text.startswith("usage: %livy_pyspark")
    monkeypatch.setenv("FABRIC_LIVY_ALIAS", "perhaps")
    with_other.ok("%reload_ext fabric_livy_magic")
    assert "not found" in with_other.fails("%%pyspark\n1")


def test_a_cell_below_a_short_name_runs_where_it_says(started: Notebook, fabric: FakeFabric) -> None:
    started.ok(f"%livy attach {start_elsewhere(fabric)} --name theirs")
    started.ok("%livy alias pyspark")
    started.ok("%%pyspark -s main\n1+1")
    assert fabric.seen("POST", "/statements")[-1].path.split("/")[2] == next(iter(fabric.sessions))
