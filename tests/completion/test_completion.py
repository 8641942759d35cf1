"""Completions without a session: `%livy` lines, SQL keywords, words of earlier cells; and those in the plain kernel."""

from __future__ import annotations

import ast
import builtins
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.cells.cell import Cell
from fabric_livy_magic.completion import sql
from fabric_livy_magic.completion.code import quoted
from fabric_livy_magic.completion.complete import complete, inspect
from fabric_livy_magic.completion.completions import Completions
from fabric_livy_magic.livy.batch_request import BatchSpec
from fabric_livy_magic.sessions.runner import Runner
from fabric_livy_magic.signin.tokens import AccessToken
from tests.support.fakes import FakeFabric
from tests.support.lists import ListServer
from tests.support.monitored_spark import RUNS
from tests.support.notebook import Notebook, notebook


def matches_of(code: str, language: str | None = "pyspark", runner: Runner | None = None) -> list[str] | None:
    cursor = code.index("|") if "|" in code else len(code)
    completed = complete(runner or Runner({"target": "local"}), code.replace("|", ""), cursor, language)
    return None if completed is None else [text for text, _ in completed.matches]


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("%livy sta", ["start", "status", "statements"]),
        ("%livy start --exec", ["--executor-memory", "--executor-cores"]),
        ("%livy config rows", ["rows_shown", "rows_fetched"]),
        ("%livy config progress ", ["auto", "line", "plain", "off"]),
        ("%livy help put", ["put"]),
        ("%livy use lo", ["local"]),
        ("%livy batch ", ["submit", "list", "show", "logs", "wait", "cancel"]),
        ("%livy batch sub", ["submit"]),
        ("%livy batch submit --py", ["--py-files"]),
        ("%livy batch logs --fol", ["--follow"]),
        ("%livy batch nothing ", []),
        ("%%livy_batch --wa|\n1", ["--wait"]),
        ("%%livy_b", ["%%livy_batch"]),
        ("%livy files c", ["cp", "cat"]),
        ("%livy files cp --re", ["--recursive"]),
        ("%livy files ls Ta", ["Tables/"]),
        ("%livy upload --o", ["--overwrite"]),
        ("%livy switch ", []),
        ("%livy logs --dr", ["--driver"]),
        ("%livy ru", ["runs"]),
        ("%livy spark ", []),
        ("%livy nothing ", []),
        ("%%livy_sql --pol|\nSELECT 1", ["--polars"]),
        ("%%sql --out|\nSELECT 1", ["--output"]),
        ("%%livy_p", ["%%livy_pyspark"]),
        ("%%conf", ["%%configure"]),
        ("%pi", ["%pinfo", "%pinfo2", "%pip"]),
    ],
)
def test_magic_lines(code: str, wanted: list[str]) -> None:
    assert matches_of(code) == wanted


def test_files_of_this_machine_and_ids_of_batches_are_offered(
    fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "jobs").mkdir()
    for name in ("nightly.py", "with blank.py", "jobs/weekly.py"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert matches_of("%livy batch submit ") == ["jobs/", "nightly.py"]
    assert matches_of("%livy batch submit jobs/we") == ["jobs/weekly.py"]
    assert matches_of("%livy batch submit x.py --jar ni") == ["nightly.py"]
    assert matches_of("%livy batch submit nowhere/") == []
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", fabric.token)
    runner = Runner({"target": fabric.url})
    assert matches_of("%livy batch show ", runner=runner) == []  # nobody has signed in yet
    runner.account.client().create_batch(BatchSpec(file="x.py"))
    (batch_id,) = fabric.batches.kept
    assert matches_of("%livy batch show ", runner=runner) == [batch_id]


def test_the_ids_of_runs_are_looked_up(fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", fabric.token)
    fabric.monitoring.runs = RUNS
    runner = Runner({"target": fabric.url})
    runner.account.client().list_sessions()  # has signed in
    assert matches_of("%livy runs ", runner=runner) == [one["livyId"] for one in reversed(RUNS)]


@pytest.mark.parametrize("code", ["%matplotlib inl", "%%html\n<b", "%%local\nprin", "% "])
def test_lines_of_other_magics_are_left_to_ipython(code: str) -> None:
    assert matches_of(code) is None


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("%%sql\nSELE", "SELECT"),
        ("%%sql\nselect * fr", "from"),
        ("%%sql\nSELECT 'a fr", None),
        ("%%sql\n-- fr", None),
        ("%%sql\nSELECT town t, t| FROM x", "table"),
    ],
)
def test_sql_keywords_have_the_case_that_is_typed(code: str, wanted: str | None) -> None:
    matches = matches_of(code)
    assert matches is not None
    assert matches == [] if wanted is None else wanted in matches


@pytest.mark.parametrize(
    ("statement", "tables"),
    [
        ("SELECT * FROM a", {"a": "a"}),
        ("SELECT * FROM db.a x JOIN `b c` AS y ON x.i = y.i", {"x": "db.a", "y": "`b c`"}),
        ("SELECT * FROM a WHERE 1", {"a": "a"}),
        ("MERGE INTO t USING s ON true", {"t": "t", "s": "s"}),
        ("UPDATE t SET x = 1", {"t": "t"}),
    ],
)
def test_tables_and_their_aliases_are_found_in_a_statement(statement: str, tables: dict[str, str]) -> None:
    assert sql._tables_by_alias(statement) == tables


def test_words_of_earlier_cells_are_known_without_a_session() -> None:
    runner = Runner({"target": "local"})
    runner.recent.append(Cell(kind="pyspark", code="shops = spark.read.table('x')\nshops.join(towns)"))
    runner.recent.append(Cell(kind="spark", code="val shopsInScala = 1"))
    assert matches_of("sho", runner=runner) == ["shops"]
    assert matches_of("other.jo", runner=runner) == ["join"]
    assert matches_of("%%spark\nshops", runner=runner) == ["shopsInScala"]
    assert "while" in (matches_of("whi", runner=runner) or [])


# Of earlier cells: `id` and `town` may be columns, `a b` and the text of an unfinished cell may not.
FRAME_CELL = 'df.select(\'id\', \'a b\', "town").where("""id > 1""")  # isn\'t \'x\''


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ('df["', ['"id"', '"town"']),
        ("df['i", ["'id'"]),
        ('df["|"]', ['"id', '"town']),
        ('df["t|"]', ['"town']),
        ("df.select('id', '", ["'id'", "'town'"]),
        ('df[["id", "', ['"id"', '"town"']),
        ("x = \"it's\"\ndf['", ["'id'", "'town'"]),
        ("%%pyspark\ndf['i", ["'id'"]),
        ('spark.sql("""\nSELECT i', []),
        ("# isn't i", ["id", "isn"]),
    ],
)
def test_a_text_is_completed_by_texts_of_earlier_cells_and_by_no_builtin(code: str, wanted: list[str]) -> None:
    """VS Code's Python extension offers the builtin `id`, and VS Code then drops a match that is called so, too."""
    runner = Runner({"target": "local"})
    runner.recent.append(Cell(kind="pyspark", code=FRAME_CELL))
    matches = matches_of(code, runner=runner)
    assert matches is not None
    assert matches[: len(wanted)] == wanted
    if not code.startswith("#"):
        assert len(matches) == len(wanted)
        assert not {*matches} & {*dir(builtins)}


@given(st.text(max_size=8), st.sampled_from(["'", '"', '"""']), st.booleans())
def test_a_column_of_any_name_becomes_a_text_of_python(name: str, quote: str, is_closed: bool) -> None:
    before, after = f"df[{quote}", quote if is_closed else ""
    found = quoted(Completions(len(before), ((name, "column"),)), before, after)
    assert ast.literal_eval(before[3 : found.start] + found.matches[0][0] + after) == name


@pytest.fixture
def lists() -> Iterator[ListServer]:
    server = ListServer()
    yield server
    server.close()


class SignedIn:
    """A credential that has a token."""

    def token(self, *scopes: str, **more: object) -> AccessToken:
        return AccessToken("header.e30.signature", time.time() + 3600)


def test_workspaces_and_lakehouses_are_listed_once_where_a_cell_has_signed_in(lists: ListServer) -> None:
    lists.names("/v1/workspaces", "Sales", "Supply")
    lists.names("/v1/workspaces/id-0/lakehouses", "Bronze", "Gold")
    runner = Runner({"api_url": f"{lists.url}/v1"}, SignedIn())
    assert matches_of("%livy use Sal", runner=runner) == []
    assert lists.seen == []
    runner.account.api().workspaces()  # a cell
    assert matches_of("%livy use Sal", runner=runner) == ["Sales/"]
    assert matches_of("%livy use Sales/", runner=runner) == ["Sales/Bronze", "Sales/Gold"]
    assert matches_of("%livy lakehouses Su", runner=runner) == ["Supply"]
    requests = len(lists.seen)
    assert matches_of("%livy use Sales/B", runner=runner) == ["Sales/Bronze"]
    assert matches_of("%livy use Su", runner=runner) == ["Supply/"]
    assert len(lists.seen) == requests


@pytest.mark.parametrize("command", ["schema", "explore"])
def test_the_tables_that_were_looked_up_complete_the_commands_that_take_one(command: str) -> None:
    runner = Runner({"target": "local"})
    runner.looked_up[("tables", runner.sessions.lakehouse_id())] = ["taxis", "trips"]
    assert matches_of(f"%livy {command} ta", runner=runner) == ["taxis"]


class Numbered:
    """A credential that counts how often it was asked; its tokens last `lasts_s`."""

    def __init__(self, token: str, lasts_s: float) -> None:
        self.times_asked, self._token, self._lasts_s = 0, token, lasts_s

    def token(self, *scopes: str, **more: object) -> AccessToken:
        self.times_asked += 1
        return AccessToken(self._token, time.time() + self._lasts_s)


@pytest.mark.parametrize(("lasts_s", "is_sent"), [(3600, True), (100, False)])
def test_a_session_is_asked_with_the_token_that_its_cells_had_and_no_other(
    fabric: FakeFabric, lasts_s: float, *, is_sent: bool
) -> None:
    credential = Numbered(fabric.token, lasts_s)
    fabric.session_goes("idle")
    runner = Runner({"target": fabric.url, "rich": "on"}, credential)
    runner.sessions.start().wait_ready()
    sent, asked = len(fabric.requests), credential.times_asked
    matches_of("shops.to", runner=runner)
    inspect(runner, "shops", 5, "shops", 0, "pyspark")
    assert credential.times_asked == asked
    assert (len(fabric.requests) > sent) is is_sent
    runner.close()


@given(st.text(st.sampled_from("%livy sqtar-\n'`.,(); "), max_size=30), st.integers(0, 30))
def test_any_text_gets_an_answer(text: str, cursor: int) -> None:
    cursor = min(cursor, len(text))
    completed = complete(Runner({"target": "local"}), text, cursor, "pyspark")
    assert completed is None or 0 <= completed.start <= cursor


@pytest.mark.parametrize(
    ("code", "says"),
    [("%livy start", "--driver-memory"), ("%livy", "usage: %livy SUBCOMMAND"), ("%%sql -o x", "--polars")],
)
def test_magic_lines_are_explained(code: str, says: str) -> None:
    description = inspect(Runner({"target": "local"}), code, len(code), "", 0, "pyspark")
    assert description is not None
    assert says in description


# ------------------------------------------------------------------------------------------------ plain kernel
@pytest.fixture
def plain(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    monkeypatch.setenv("FABRIC_LIVY_TARGET", "local")
    with notebook(capsys, tmp_path) as running:
        running.ok("%load_ext fabric_livy_magic")
        yield running


def test_the_plain_kernel_completes_our_magics_and_cells_by_ipythons_matchers(plain: Notebook) -> None:
    def matches(text: str) -> list[str]:
        return [one.text for one in plain.shell.Completer.completions(text, len(text))]

    import warnings

    warnings.simplefilter("ignore")  # IPython calls this API provisional
    assert matches("%livy sta") == ["start", "status", "statements"]
    assert matches("%livy start --ex") == ["--executor-memory", "--executor-cores"]
    assert "SELECT" in matches("%%livy_sql\nSEL")
    assert "COALESCE" not in matches("%%livy_sql\nSEL")
    assert matches('%%livy_pyspark\ndf["i') == []  # nothing is known of the session; the builtin is none of its columns
    plain.ok("some_value = 1")
    assert matches("%%livy_pyspark\nsome_value.re") == []
    assert "real" in matches("some_value.re")
    assert "some_value" in matches("some_va"), "IPython's own, also after another one of them"
    assert matches("%livy_sq")[:1] == ["%livy_sql"]
