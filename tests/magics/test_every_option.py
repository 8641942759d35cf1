"""Every option of every magic is used here, through a notebook's shell and a server, or named with the test that uses it.

The options are those of the parsers: one more without a use fails.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import polars
import pyarrow as pa
import pytest

from fabric_livy_magic.cells.cell import KINDS, cell_parser
from fabric_livy_magic.cells.subcommands import SUMMARIES, parser_of
from tests.magics.conftest import start_elsewhere
from tests.support.fakes import LAKEHOUSE, WORKSPACE, FakeFabric
from tests.support.notebook import CellOutcome, Notebook
from tests.support.options import SPARK_USES, spellings
from tests.support.outputs import sql_output

TESTS = Path(__file__).parents[1]
ROWS = sql_output([("n", "long")], [[1], [2], [3]])
ENVIRONMENT = "0c7a3f60-1111-4222-8333-444455556666"


# ------------------------------------------------------------------------------------------------ cells
def to_second(nb: Notebook, fabric: FakeFabric, ran: CellOutcome) -> bool:
    return fabric.seen("POST", "/statements$")[-1].path.split("/")[2] == list(fabric.sessions)[1]


CELL_USES: Mapping[str, tuple[str, Callable[[Notebook, FakeFabric, CellOutcome], Any]]] = {
    "--session": (" second", to_second),
    "--output": (" kept", lambda nb, fabric, ran: len(nb.names["kept"]) == 3),
    "--background": ("", lambda nb, fabric, ran: ran.value.result(10).tables[0].rows == 3),
    "--timeout": (" 60", lambda nb, fabric, ran: "3 rows" in ran.text),
    "--quiet": ("", lambda nb, fabric, ran: (ran.text, ran.displays) == ("", [])),
    "--limit": (" 2", lambda nb, fabric, ran: "-n kept 2 of 3 rows" in ran.text),
    "--arrow": (" -o kept", lambda nb, fabric, ran: isinstance(nb.names["kept"], pa.Table)),
    "--polars": (" -o kept", lambda nb, fabric, ran: isinstance(nb.names["kept"], polars.DataFrame)),
    "--plain": ("", lambda nb, fabric, ran: "3 rows" in ran.text),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_of_a_cell_does_what_it_says(nb: Notebook, fabric: FakeFabric, kind: str) -> None:
    fabric.session_goes("idle")
    fabric.answer("rows", ROWS)
    for name in ("main", "second"):
        nb.ok(f"%livy start {name}")
    nb.ok("%livy switch main")
    for option, written in spellings(cell_parser(kind)):
        if (f"%%livy_{kind}", option) in SPARK_USES:
            continue
        more, holds = CELL_USES[option]
        for word in written:
            nb.names.pop("kept", None)
            assert holds(nb, fabric, nb.ok(f"%%livy_{kind} {word}{more}\nrows")), word
            if option == "--output":
                assert isinstance(nb.names["kept"], pd.DataFrame)


def test_a_parameter_needs_the_agent_and_is_not_left_out(started: Notebook, fabric: FakeFabric) -> None:
    assert "-p needs the agent" in started.fails("%%livy_sql -p floor=10\nSELECT :floor")
    assert fabric.posted_code == []


def test_explore_needs_the_agent(started: Notebook, fabric: FakeFabric) -> None:
    assert "`%livy explore` needs the agent" in started.fails("%livy explore trips")
    assert fabric.posted_code == []


def test_a_frame_by_files_needs_the_agent_and_a_variable(started: Notebook, fabric: FakeFabric) -> None:
    assert "--via onelake needs the agent" in started.fails("%%livy_sql -o rows --via onelake\nSELECT 1")
    assert "add -o NAME" in started.fails("%%livy_sql --via onelake\nSELECT 1")
    assert fabric.posted_code == []


# ------------------------------------------------------------------------------------------------ subcommands
LINES: Mapping[str, list[tuple[str, str]]] = {
    "use": [("{url}", "Target: ")],
    "start": [
        (
            "third --name nightly --conf spark.x=1 --driver-memory 28g --driver-cores 4 --executor-memory 56g "
            "--executor-cores 8 --num-executors 2 --tag team=sales --environment Nightly",
            "'third' is ready",
        ),
        ("--fresh", "is ready"),
        ("--keep", "It goes on when this notebook ends"),
    ],
    "switch": [("second", "Current session: second")],
    "sessions": [("--mine", "notebook"), ("--json", "")],
    "status": [("--json", "")],
    "statements": [("--json", "")],
    "workspaces": [("--json", "")],
    "doctor": [("--json", "")],
    "schema": [("rows --json", "")],
    "attach": [("{theirs} --name theirs", "as 'theirs'")],
    "logs": [("main -n 1", "line 2"), ("main --lines 2", "line 1\nline 2"), ("--json", "")],
    "cancel": [
        ("0 -s second", "Statement 0"),
        ("--session second", "Nothing runs"),
        ("-b {background}", "Background statement"),
        ("--background {background}", "It had ended already."),
    ],
    "restart": [("second", "is ready")],
    "wait": [("{background}", "3 rows")],
    "lakehouses": [("Sales", "Bronze"), ("--json", "")],
    "environments": [("Sales", "Nightly"), ("--json", "")],
    "batch": [("list --json", "")],
    "tables": [("dim*", "dim_date"), ("--json", "")],
    "log": [("file {folder}/requests.log", "Each request is logged"), ("off", "Nothing more is logged")],
    "config": [("rows_shown 7", "7"), ("--json", "")],
    "alias": [("sql", "%%sql is %%livy_sql"), ("--off", "Removed: %%sql")],
    "help": [("start", "usage: %livy start"), ("--json", "")],
    "stop": [("second", "'second' is stopped"), ("--all", "'main' is stopped")],
}
# (subcommand, option or argument): where it is used, since it needs a sign-in, a dead kernel, or a project's file.
ELSEWHERE = {
    ("login", "--method"): r"signin/test_sign_in_end_to_end.py: %livy login --method secret",
    ("login", "--client-id"): r"signin/test_sign_in_end_to_end.py: --client-id \{client\}",
    ("login", "--tenant"): r"signin/test_sign_in_end_to_end.py: --tenant ",
    ("login", "--certificate"): r"signin/test_sign_in_end_to_end.py: --certificate ",
    ("login", "--send-chain"): r"signin/test_sign_in_end_to_end.py: --send-chain",
    ("start", "--livy"): "magics/test_subcommands.py: --livy queue=nightly",
    ("start", "--high-concurrency"): "magics/test_background_cells.py: %livy start side --high-concurrency",
    ("attach", "--last"): "kernel/test_kernels_that_stop.py: %livy attach --last",
    ("attach", "--output"): "kernel/test_kernels_that_stop.py: attach --last -o",
    ("stop", "--orphans"): "magics/test_orphans_and_idle_sessions.py: stop --orphans",
    ("stop", "--yes"): "magics/test_orphans_and_idle_sessions.py: stop --orphans --yes",
    ("files", "verb"): "magics/test_files.py: %livy files ls",
    ("logs", "--follow"): "magics/test_monitoring.py: %livy logs --driver -f",
    ("logs", "--driver"): "magics/test_monitoring.py: %livy logs --driver",
    ("logs", "--executor"): "magics/test_monitoring.py: %livy logs --executor",
    ("logs", "--livy"): "magics/test_monitoring.py: %livy logs --livy",
    ("spark", "session"): "magics/test_monitoring.py: %livy spark main",
    ("spark", "--json"): "magics/test_monitoring.py: %livy spark --json",
    ("runs", "id"): r"magics/test_monitoring.py: %livy runs \{",
    ("runs", "--limit"): "magics/test_monitoring.py: %livy runs -n 1",
    ("runs", "--json"): "magics/test_monitoring.py: %livy runs --json",
    ("trust", "--yes"): "magics/test_subcommands.py: %livy trust --yes",
    ("trust", "--forget"): "magics/test_subcommands.py: %livy trust --forget",
}


def look_ups(fabric: FakeFabric) -> None:
    """What Fabric's other APIs know."""
    items: Mapping[str, dict[str, Any]] = {
        r"^\?.*/workspaces$": {"value": [{"id": WORKSPACE, "displayName": "Sales"}]},
        r"^\?.*/lakehouses$": {"value": [{"id": LAKEHOUSE, "displayName": "Bronze"}]},
        r"^\?.*/environments$": {"value": [{"id": ENVIRONMENT, "displayName": "Nightly"}]},
        r"^\?.*/tables$": {
            "data": [{"name": name, "type": "Managed", "format": "Delta"} for name in ("dim_date", "fact")]
        },
    }
    for path, body in items.items():
        fabric.fault("GET", path, status=200, body=body, times=99)


@pytest.mark.parametrize("name", LINES)
def test_every_option_of_a_subcommand_does_what_it_says(
    nb: Notebook, fabric: FakeFabric, tmp_path: Path, name: str
) -> None:
    fabric.session_goes("idle", log=["line 1", "line 2"])
    look_ups(fabric)
    fabric.answer("rows", ROWS)
    fabric.answer("DESCRIBE TABLE `rows`", ROWS)
    for session in ("second", "main"):
        nb.ok(f"%livy start {session}")
    nb.ok("%%livy_sql -s second -q\nrows")
    background = nb.ok("%%livy_sql -b\nrows").value
    background.result(10)
    values = {"url": fabric.url, "folder": tmp_path, "background": background.number, "theirs": start_elsewhere(fabric)}
    for line, shows in LINES[name]:
        ran = nb.ok(f"%livy {name} {line.format(**values)}")
        assert shows in ran.text, line
        assert isinstance(ran.value, list) == ("--json" in line)
    if name == "start":
        body = next(one.body for one in fabric.requests if one.body and one.body.get("name") == "nightly")
        assert body["conf"].pop("spark.fabric.environmentDetails") == f'{{"id": "{ENVIRONMENT}"}}'
        assert body == {
            "name": "nightly",
            "conf": {"spark.x": "1"},
            "tags": {"team": "sales"},
            "driverMemory": "28g",
            "driverCores": 4,
            "executorMemory": "56g",
            "executorCores": 8,
            "numExecutors": 2,
        }


def used_by_lines(name: str) -> Iterator[str]:
    """Options by their longest spelling, and arguments, of the lines above."""
    parser = parser_of(name)
    longest = {word: option for option, words in spellings(parser) for word in words}
    for line, _ in LINES.get(name, []):
        yield from (longest[word] for word in line.split() if word in longest)
        if name == "use":
            yield "target"
            continue
        if name == "batch":  # each of its own subcommands: magics/test_batches.py
            yield "verb"
            continue
        read = parser.read(re.sub(r"\{\w+\}", "1", line))
        yield from (
            one.dest for one in parser._actions if not one.option_strings and getattr(read, one.dest) is not None
        )


@pytest.mark.parametrize("name", SUMMARIES)
def test_no_option_of_a_subcommand_is_without_a_use(name: str) -> None:
    options = {option for option, _ in spellings(parser_of(name))}
    arguments = {one.dest for one in parser_of(name)._actions if not one.option_strings}
    arguments |= {"expression"} if name == "get" else set()  # kept as typed, beside the parser
    elsewhere = {option for of, option in [*ELSEWHERE, *SPARK_USES] if of in {name, f"%livy {name}"}}
    assert options | arguments == {*used_by_lines(name), *elsewhere}


@pytest.mark.parametrize("place", ELSEWHERE.values())
def test_what_is_used_elsewhere_is_there(place: str) -> None:
    file, _, pattern = place.partition(": ")
    assert re.search(pattern, (TESTS / file).read_text(encoding="utf-8"))


def test_the_parsers_know_no_other_kind_of_argument() -> None:
    """So that `spellings` sees them all."""
    for parser in (*map(cell_parser, KINDS), *map(parser_of, SUMMARIES)):
        assert not any(isinstance(one, argparse._SubParsersAction) for one in parser._actions)
