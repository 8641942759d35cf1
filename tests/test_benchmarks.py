"""The table of `benchmarks/run.py`, its comparison with kept figures, and a quick run. No time is asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.figures import (
    QUOTE_BEGIN,
    QUOTE_END,
    Figure,
    as_json,
    became_worse,
    compared,
    from_json,
    quote,
    row,
    seconds,
    table,
    times,
    with_quote,
)
from tests.support.service import ROOT

ABOUT = {"date": "2026-11-01", "machine": "Linux, 2 × a CPU", "command": "python benchmarks/run.py", "versions": {}}


def figure(ratio: float | None, what: str = "a frame", peer: str = "rows as JSON") -> Figure:
    return Figure(what, 0.5, peer, None if ratio is None else 0.5 * ratio, "" if ratio else "not installed")


@pytest.mark.parametrize(
    ("value", "text"), [(0.0004, "0.4 ms"), (0.9994, "999.4 ms"), (1, "1.00 s"), (61.255, "61.26 s")]
)
def test_times_are_written_in_the_unit_that_fits(value: float, text: str) -> None:
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("ratio", "text"), [(0.034, "0.03"), (1, "1.00"), (9.99, "9.99"), (12.4, "12"), (1234.5, "1,234")]
)
def test_ratios_are_written_as_precisely_as_they_are_known(ratio: float, text: str) -> None:
    assert times(ratio) == text


@pytest.mark.parametrize(
    ("measured", "line"),
    [
        (figure(4), "| a frame | 500.0 ms | rows as JSON | 2.00 s | 4.00 |"),
        (figure(None), "| a frame | 500.0 ms | rows as JSON | not installed |  |"),
        (figure(0.1, what="a | b"), "| a \\| b | 500.0 ms | rows as JSON | 50.0 ms | 0.10 |"),
    ],
)
def test_a_figure_is_a_row(measured: Figure, line: str) -> None:
    assert row(measured) == line
    assert table([measured]).splitlines()[2:] == [line]
    assert len({text.replace("\\|", "").count("|") for text in table([measured]).splitlines()}) == 1


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (10, 10, ""),
        (10, 25, ""),
        (10, 9.01, ""),
        (10, 8.9, "a frame, beside rows as JSON: 8.90 times as fast, was 10"),
        (0.5, 0.4, "a frame, beside rows as JSON: 0.40 times as fast, was 0.50"),
        (10, None, "a frame, beside rows as JSON: was 10 times as fast, and is not measured now"),
        (None, 3, ""),
        (None, None, ""),
    ],
)
def test_a_ratio_that_became_worse_by_more_than_a_tenth_is_told(
    before: float | None, now: float | None, told: str
) -> None:
    assert became_worse([figure(now)], [figure(before)]) == ([told] if told else [])
    said, is_worse = compared([figure(now)], [figure(before)], ABOUT)
    assert is_worse == bool(told)
    assert "since 2026-11-01 on Linux, 2 × a CPU" in said
    assert told in said


def test_figures_are_told_apart_by_what_they_are_beside() -> None:
    kept = [figure(10), figure(2, peer="pylivy")]
    assert became_worse([figure(10), figure(1, peer="pylivy")], kept) == [
        "a frame, beside pylivy: 1.00 times as fast, was 2.00"
    ]


def test_figures_are_kept_with_machine_date_and_versions() -> None:
    figures = [figure(4), figure(None, peer="pylivy")]
    assert from_json(as_json(figures, ABOUT)) == (figures, ABOUT)
    assert [one["ratio"] for one in json.loads(as_json(figures, ABOUT))["figures"]] == [4, None]


def test_the_readme_quotes_a_row_for_each_thing_that_was_measured() -> None:
    figures = [figure(4), figure(0.5, peer="pylivy"), figure(None, peer="sparkmagic"), figure(None, what="b")]
    quoted = quote(figures, ABOUT)
    assert quoted.splitlines()[1] == "2026-11-01, `python benchmarks/run.py`, Linux, 2 × a CPU:"
    assert quoted.splitlines()[5:-1] == ["| a frame | 500.0 ms | 4.00 × rows as JSON; 0.50 × pylivy |"]
    page = f"before\n{QUOTE_BEGIN}\nold\n{QUOTE_END}\nafter"
    assert with_quote(page, quoted) == f"before\n{quoted}\nafter"


def test_the_readme_quotes_the_kept_figures() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    kept = (ROOT / "benchmarks" / "figures.json").read_text(encoding="utf-8")
    assert quote(*from_json(kept)) in readme


@pytest.mark.spark
def test_a_quick_run_prints_the_table_and_tells_a_regression(tmp_path: Path) -> None:
    made_up = Figure("a warm statement, `1 + 1`", 1.0, "the documented script, a look every 5 s", 1e9)
    (tmp_path / "kept.json").write_text(as_json([made_up], ABOUT), encoding="utf-8")
    command = [sys.executable, str(ROOT / "benchmarks" / "run.py"), "--quick", "--rows", "100", "--rounds", "1"]
    files = ["--kept", str(tmp_path / "kept.json"), "--json", str(tmp_path / "now.json")]
    done = subprocess.run([*command, *files], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1, done.stderr
    assert "Worse by more than a tenth since 2026-11-01 on Linux, 2 × a CPU:" in done.stdout
    assert "was 1,000,000,000" in done.stdout
    figures, about = from_json((tmp_path / "now.json").read_text(encoding="utf-8"))
    assert table(figures) in done.stdout
    assert about["versions"]["Python"] in done.stdout
    measured = {(one.what, one.peer) for one in figures if one.ratio}
    assert {what for what, _ in measured} == {
        "first PySpark result, from nothing",
        "the kernel is ready",
        "a cell, `1 + 1`, as a front end sees it",
        "a warm statement, `1 + 1`",
        "100 × 10 into pandas",
    }
    frames = {peer for what, peer in measured if what.startswith("100 ")}
    assert {"rows as JSON, without the agent", "pylivy", "PySpark alone, with Arrow"} <= frames
    assert {one.peer: one.why for one in figures if not one.ratio} in ({}, {"sparkmagic": "not installed"})
    assert json.loads((tmp_path / "kept.json").read_text(encoding="utf-8"))["figures"][0]["peer_s"] == 1e9
