"""What the listing subcommands show: the golden files have each as text, as HTML and as data, from one scripted Fabric."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from IPython.lib.pretty import pretty

from fabric_livy_magic.cells.subcommands import CELLS, LISTS, SUMMARIES
from fabric_livy_magic.cli.main import main
from fabric_livy_magic.output.lists import json_text
from tests.magics.conftest import start_elsewhere
from tests.magics.test_every_option import look_ups
from tests.support.fakes import FakeFabric
from tests.support.notebook import Notebook
from tests.support.outputs import sql_output
from tests.support.result_pages import static

HOSTILE = "<img onerror=x> \x1b]0;x\x07 \u202e"
LINES = (
    "status",
    "sessions",
    "sessions --mine",
    "statements",
    "workspaces",
    "lakehouses Sales",
    "environments Sales",
    "tables",
    "schema dim_date",
    "config rows_shown",
)
COLUMNS = sql_output(
    [("col_name", "string"), ("data_type", "string"), ("comment", "string")],
    [["id", "bigint", None], ["day", "date", HOSTILE]],
)


@pytest.fixture
def listing(nb: Notebook, fabric: FakeFabric) -> Notebook:
    """Two sessions and a background statement, and what Fabric's other APIs know."""
    look_ups(fabric)
    asked_at = (datetime.now(UTC) - timedelta(hours=2, minutes=5, seconds=10)).isoformat()
    fabric.session_goes("idle", submittedAt=asked_at, submitterName="Ada")
    fabric.answer("DESCRIBE TABLE `dim_date`", COLUMNS)
    fabric.answer("rows", sql_output([("n", "long")], [[1]]))
    nb.ok(f"%livy start second --name '{HOSTILE}'")
    nb.ok("%livy start main --name nightly")
    nb.ok("%%livy_sql -b\nrows").value.result(10)
    fabric.session_goes("dead", submittedAt="long ago")
    start_elsewhere(fabric)
    return nb


def same_each_time(text: str, fabric: FakeFabric) -> str:
    """Without what is another one in each run: ids, the port, ages, the number of the statement, folders."""
    for number, session_id in enumerate(fabric.sessions):
        text = text.replace(session_id, f"{number}0000000-0000-4000-8000-000000000000")
    text = re.sub(r"\b\d s\b", "0 s", text)
    text = re.sub(r"(notebook: |/\S+/)(?=Untitled)", "", text)
    text = re.sub(r'("(?:age|idle|elapsed)_s": )[\d.]+', r"\g<1>7", text)
    text = re.sub(r" +\d+  sql", "     1  sql", text)
    return re.sub(r'("number": |>)\d+(,|</td><td>sql)', r"\g<1>1\2", text)


def test_each_list_reads_as_the_golden_files(
    listing: Notebook, fabric: FakeFabric, golden: Callable[[str, str], None]
) -> None:
    texts, pages, data = "", "", {}
    for line in LINES:
        (bundle,) = listing.ok(f"%livy {line}").displays
        texts += f"%livy {line}\n{bundle['text/plain']}\n\n"
        pages += f"<h2>%livy {line}</h2>\n{static(bundle['text/html'])}\n".replace("<tr>", "\n<tr>")
        ran = listing.ok(f"rows = %livy {line} --json")
        assert (ran.value, ran.text) == (None, "")
        data[line] = listing.names["rows"]
    written: Mapping[str, str] = {"txt": texts, "html": pages, "json": json_text(data) + "\n"}
    for kind, text in written.items():
        golden(f"lists/all.{kind}", same_each_time(text, fabric))


def test_rows_can_be_worked_with_as_the_readme_does(listing: Notebook, fabric: FakeFabric) -> None:
    lines = 'rows = %livy sessions --json\n[one["id"] for one in rows if one["state"] == "dead"]'
    assert listing.ok(lines).value == list(fabric.sessions)[2:]


def test_a_line_with_json_alone_shows_json(listing: Notebook, fabric: FakeFabric) -> None:
    shown = listing.ok("%livy sessions --json")
    assert [one["id"] for one in shown.value] == list(fabric.sessions)
    assert shown.displays == []
    assert json.loads(pretty(shown.value)) == shown.value


@pytest.mark.parametrize("line", ["sessions", "sessions --mine", "statements"])
def test_an_empty_list_is_words_or_no_data(nb: Notebook, line: str) -> None:
    assert re.match("There is no|No ", nb.ok(f"%livy {line}").text)
    assert nb.ok(f"%livy {line} --json").value == []


def test_help_is_a_table_with_every_magic(bare: Notebook) -> None:
    shown = bare.ok("%livy help")
    assert all(f"<code>{name}</code>" in shown.html for name in (*(f"%livy {one}" for one in SUMMARIES), *CELLS))
    assert shown.text.startswith("usage: %livy")
    listed = bare.ok("%livy help --json").value
    assert {one["command"] for one in listed} == {*(f"%livy {one}" for one in SUMMARIES), *CELLS}
    (start,) = bare.ok("%livy help start --json").value
    assert start["usage"] == bare.ok("%livy help start").text.rstrip("\n") + "\n"


def test_the_doctors_findings_are_data(nb: Notebook) -> None:
    (bundle,) = nb.ok("%livy doctor").displays
    found = nb.ok("%livy doctor --json").value
    assert [set(one) for one in found] == [{"verdict", "what", "detail", "advice"}] * len(found)
    assert all(one["what"] in bundle["text/plain"] for one in found)
    assert '<span class="flm-w good">ok</span>' in bundle["text/html"]


def test_an_error_is_an_error_with_json_too(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.fault("GET", "/sessions$", status=403, times=9)
    assert nb.fails("rows = %livy sessions --json")
    assert "rows" not in nb.names


@pytest.mark.parametrize("name", sorted(LISTS))
def test_an_option_for_data_is_one_of_each_list(bare: Notebook, name: str) -> None:
    assert f"rows = %livy {name} --json" in bare.ok(f"%livy {name} --help").text


def test_the_settings_are_json_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", "SECRET")
    monkeypatch.setenv("FABRIC_LIVY_TARGET", f"Sales/{HOSTILE}")
    (tmp_path / "pyproject.toml").write_text('[tool.fabric-livy]\nmethod = "its.module:Class"\n')
    assert main(["config", "--json"]) == 0
    shown = capsys.readouterr()
    assert "SECRET" not in shown.out
    settings = {one["name"]: one for one in json.loads(shown.out)}
    assert settings["target"]["value"] == f"Sales/{HOSTILE}"
    assert settings["rows_shown"] == {"name": "rows_shown", "value": 10, "origin": "default", "help": settings["rows_shown"]["help"]}  # fmt: skip
    assert "method" in shown.err
    assert "its.module" not in shown.out
