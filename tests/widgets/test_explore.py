"""The view of `%livy explore` where its session is not there any more: it says so, and stays usable."""

from __future__ import annotations

import time
from collections.abc import Iterator

import ipywidgets
import pytest

from fabric_livy_magic.running.exploration import Explored
from fabric_livy_magic.sessions.runner import Runner
from fabric_livy_magic.widgets.chart_controls import NOTHING
from fabric_livy_magic.widgets.explore import ExploreView
from tests.support.fakes import FakeFabric

WITHIN_S = 10.0


def parts(box: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    yield box
    for one in getattr(box, "children", ()):
        yield from parts(one)


def control(view: ExploreView, description: str) -> ipywidgets.Widget:
    return next(one for one in parts(view.box) if getattr(one, "description", None) == description)


def said(view: ExploreView, text: str) -> str:
    """What it says, once it says that."""
    line = next(one for one in parts(view.box) if isinstance(one, ipywidgets.HTML))
    until = time.monotonic() + WITHIN_S
    while text not in line.value:
        assert time.monotonic() < until, line.value
        time.sleep(0.02)
    return str(line.value)


@pytest.fixture
def view(fabric: FakeFabric) -> ExploreView:
    runner = Runner({"target": fabric.url})
    return ExploreView(runner, Explored("<trips>", "`<trips>`", {"zone": "text", "fare": "number"}), "main")


def test_without_a_session_each_change_says_what_to_do(view: ExploreView) -> None:
    control(view, "chart").value = "pie"
    assert 'role="alert"' in said(view, "No session runs in this notebook. `%livy start` starts one")
    control(view, "y").value = "fare"
    control(view, "Compute anew").click()
    said(view, "No session runs")


def test_what_a_control_lacks_is_said_without_a_call(view: ExploreView) -> None:
    control(view, "x").value = NOTHING
    said(view, "--chart bar needs x=: the name of a column.")


def test_the_other_tab_asks_for_what_it_has_not_yet(view: ExploreView) -> None:
    control(view, "x").value = NOTHING
    said(view, "needs x=")
    view.box.children[0].selected_index = 1
    said(view, "No session runs")
