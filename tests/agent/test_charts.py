"""Charts come in the form that front ends draw without the internet, and as HTML for pages."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects
import pytest

from fabric_livy_magic.agent.remote.agent.charts import PLOTLY, chart_data
from fabric_livy_magic.agent.remote.agent.display import bundle_of


def test_a_figure_of_plotly_comes_as_such_and_as_html() -> None:
    class Own(plotly.graph_objects.Figure):
        """As `plotly.express` and users make them."""

    for kind in (plotly.graph_objects.Figure, Own):
        figure = kind(plotly.graph_objects.Bar(x=["a<b"], y=[1]), layout={"title": {"text": "Trips"}})
        data, _ = bundle_of(figure)
        assert set(data) == {PLOTLY, "text/html", "text/plain"}
        assert data[PLOTLY]["data"][0]["x"] == ["a<b"]
        assert data[PLOTLY]["layout"]["title"]["text"] == "Trips"
        assert data["text/plain"] == "Plotly figure: 1 trace"


def chart(schema: str) -> Any:
    """As Altair's are for this module; its HTML is of no matter here."""
    spec = {"$schema": schema, "mark": "bar"}
    return type("Chart", (), {"__module__": "altair.vegalite", "to_dict": lambda self: spec})()


@pytest.mark.parametrize(
    ("schema", "mimes"),
    [
        ("https://vega.github.io/schema/vega-lite/v5.20.1.json", ["application/vnd.vegalite.v5+json"]),
        ("https://vega.github.io/schema/vega-lite/v6.4.1.json", []),
        ("", []),
    ],
)
def test_a_chart_of_altair_comes_as_vega_lite_where_front_ends_draw_its_version(schema: str, mimes: list[str]) -> None:
    assert list(chart_data(chart(schema))) == mimes


def test_any_other_value_and_a_class_are_no_chart() -> None:
    assert chart_data({"data": []}) == {}
    assert PLOTLY not in bundle_of(plotly.graph_objects.Figure)[0]


def test_a_chart_that_cannot_be_made_leaves_the_other_forms(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(self: Any) -> Any:
        raise ValueError("no mark")

    broken = type(
        "Chart", (), {"__module__": "altair.vegalite", "to_dict": fails, "_repr_html_": lambda self: "<b>x</b>"}
    )
    assert bundle_of(broken())[0]["text/html"] == "<b>x</b>"
    assert "no mark" in capsys.readouterr().err
