"""Start, end and progress lines of a cell."""

from __future__ import annotations

from tests.support.fakes import FakeFabric
from tests.support.notebook import Notebook


# ------------------------------------------------------------------------------------------------ progress
def test_headless_runs_print_a_start_and_an_end_line_only(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.session_goes(*["starting"] * 5, "idle")
    fabric.statement_goes(*["running"] * 30, "available")
    ran = nb.ok("%%livy_pyspark\n1+1")
    assert len(ran.text.strip().splitlines()) == 3
    assert ran.displays == []


def test_progress_off_prints_the_result_only(nb: Notebook) -> None:
    nb.ok("%livy config progress off")
    assert nb.ok("%%livy_pyspark\n1+1").text.strip() == "2"


def test_a_start_says_how_long_earlier_ones_took(nb_with_session: Notebook) -> None:
    assert "(last time 0 s) …" in nb_with_session.ok("%livy start second").text
    nb_with_session.ok("%livy start third")
    assert "(usually about 0 s) …" in nb_with_session.ok("%livy start fourth").text
