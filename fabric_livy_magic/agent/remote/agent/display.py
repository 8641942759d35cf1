"""Values as MIME bundles, as a notebook shows them; Spark DataFrames as their first rows."""

from __future__ import annotations

import base64
import io
import json
import pprint
import sys
from typing import Any

from . import charts, frames, widgets
from .errors import SPARK_STOPPED, NoArrow, Refused, error_parts, spark_is_stopped
from .output import running
from .parameters import is_connect

WIDTH = 79
MOST_PREVIEW_BYTES = 2 * 1024 * 1024  # compressed; an output of a notebook has room for less
REPR_METHODS = {
    "text/html": "_repr_html_",
    "text/markdown": "_repr_markdown_",
    "image/svg+xml": "_repr_svg_",
    "image/png": "_repr_png_",
    "image/jpeg": "_repr_jpeg_",
    "text/latex": "_repr_latex_",
    "application/json": "_repr_json_",
    "application/javascript": "_repr_javascript_",
}


def statistics(value: Any) -> Any:
    if is_spark_frame(value):
        return value.summary()
    return value.describe(include="all") if callable(getattr(value, "describe", None)) else value


def show(
    value: Any, name: str = "", *, update: bool = False, metadata: Any = None, only: Any = (None, None), **more: Any
) -> None:
    """`name`: the display's id; `update`: all displays that have it. `only`: MIME types to take, and to leave out."""
    if running.call is not None:
        running.call.guard.drain()
    if widgets.is_widget(value):
        picture = widgets.picture_of(value)
        event = {"data": widgets.bundle_of(value), "metadata": {}}  # never as the result, which could not be updated
        emit(event, name or widgets.name_of(value), update, picture)
        return
    if is_spark_frame(value):
        event = frame_event(value)
    elif is_figure(value):
        event = figure_event(value)
    elif shows_itself(value):
        return
    else:
        data, own_metadata = bundle_of(value)
        include, exclude = only
        data = {
            kind: one for kind, one in data.items() if (not include or kind in include) and kind not in (exclude or ())
        }
        event = {"data": data, "metadata": {**own_metadata, **(metadata or {})}}
    emit({**event, **more}, name, update)


def emit(event: Any, name: str = "", update: bool = False, picture: Any = None) -> None:
    """To the call that runs, also from a thread of an earlier cell, which is said then."""
    output = running.outputs()
    if update:
        output.update(event, name)
        return
    if running.is_late():
        output.text("stdout", running.late_text("shows:\n"), late=True)
    output.show(event, name, picture)


# ------------------------------------------------------------------------------------------- any value


def shows_itself(value: Any) -> bool:
    """Whether it did, by IPython's method for that. Plotly's would come back to here: a chart is drawn by its data."""
    if isinstance(value, type) or has_any_attribute(value) or charts.chart_data(value):
        return False
    call = getattr(value, "_ipython_display_", None)
    if not callable(call):
        return False
    try:
        call()
    except NotImplementedError:
        return False
    except Exception as error:  # noqa: BLE001 - a method of the user's class; the others may work
        tell(error)
        return False
    return True


def has_any_attribute(value: Any) -> bool:
    return hasattr(value, "_ipython_canary_method_should_not_exist_")


def bundle_of(value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """(data, metadata) by the value's own methods, called as IPython calls them."""
    data: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    # A class has the methods of its instances, and some objects have an attribute of any name.
    if not isinstance(value, type) and not has_any_attribute(value):
        add_representation(data, metadata, call_repr_method(value, "_repr_mimebundle_", include=None, exclude=None))
        for mime, method in REPR_METHODS.items():
            if mime not in data:
                result = call_repr_method(value, method)
                add_representation(
                    data,
                    metadata,
                    ({mime: result[0]}, {mime: result[1]}) if isinstance(result, tuple) else {mime: result},
                )
    if not isinstance(value, type):
        data.update(charts.chart_data(value))
    data.setdefault("text/plain", text_of(value))
    return data, metadata


def add_representation(data: dict[str, Any], metadata: dict[str, Any], result: Any) -> None:
    bundle, more_metadata = result if isinstance(result, tuple) else (result, None)
    data.update(encoded(bundle) if isinstance(bundle, dict) else {})
    if isinstance(more_metadata, dict) and can_travel("json", more_metadata):
        metadata.update(more_metadata)


def encoded(bundle: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for mime, content in bundle.items():
        if isinstance(content, (bytes, bytearray)):
            data[mime] = base64.b64encode(content).decode("ascii")
        elif isinstance(content, str) or (content is not None and can_travel(mime, content)):
            data[mime] = content
    return data


def can_travel(mime: Any, content: Any) -> bool:
    """What is no text has to be JSON, of a type that says so; front ends draw nothing of the rest."""
    if not str(mime).endswith("json"):
        return False
    try:
        json.dumps(content)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def call_repr_method(value: Any, method: str, **arguments: Any) -> Any:
    call = getattr(value, method, None)
    if not callable(call):
        return None
    try:
        return call(**arguments)
    except NotImplementedError:  # IPython's convention for a representation that there is not
        return None
    except Exception as error:  # noqa: BLE001 - a method of the user's class; the others may work
        tell(error)
        return None


def text_of(value: Any) -> str:
    """A `__repr__` that raises is told and no more, as in any notebook: the cell itself has not failed."""
    try:
        text = repr(value)
        if len(text) > WIDTH and type(value) in (list, tuple, dict, set, frozenset):
            return pprint.pformat(value, width=WIDTH, compact=True, sort_dicts=False)
    except Exception as error:  # noqa: BLE001 - of the user's class
        tell(error)
        return f"<{type(value).__name__}: its __repr__ raised {type(error).__name__}>"
    return text


def tell(error: BaseException) -> None:
    parts = error_parts(error)
    print("{traceback}{ename}: {evalue}".format(**parts), file=sys.stderr)  # noqa: T201


# ------------------------------------------------------------------------------------------- figures


def is_figure(value: Any) -> bool:
    figure = sys.modules.get("matplotlib.figure")
    return figure is not None and isinstance(value, figure.Figure)


def figure_event(figure: Any) -> Any:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", bbox_inches="tight")
    png = base64.b64encode(picture.getvalue()).decode("ascii")
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(figure)  # or it would be shown once more at the end of the cell
    return {"data": {"image/png": png, "text/plain": repr(figure)}, "metadata": {}}


def show_figures(*ignored: Any, **also_ignored: Any) -> None:
    """Replaces `pyplot.show`, and is called at the end of each cell."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if running.call is not None and pyplot is not None and hasattr(pyplot, "get_fignums"):
        for number in pyplot.get_fignums():
            show(pyplot.figure(number))


# ------------------------------------------------------------------------------------------- Spark


def is_spark_frame(value: Any) -> bool:
    spark = sys.modules.get("pyspark.sql")
    if spark is None:
        return False
    connect = sys.modules.get("pyspark.sql.connect.dataframe")
    return isinstance(value, (spark.DataFrame, *([connect.DataFrame] if connect else [])))


def frame_event(value: Any) -> Any:
    # A quarter of what is left, in base64: many frames of a loop have room, each with fewer rows than the one before.
    most_bytes = min(MOST_PREVIEW_BYTES, running.outputs().room * 3 // 16)
    if getattr(value, "isStreaming", False):  # it has no first rows
        return {"data": {"text/plain": repr(value)}, "metadata": {}}
    try:
        return {"frame": frames.preview(value, running.call.rows_fetched if running.call else 20, most_bytes)}
    except NoArrow:
        text = io.StringIO()
        sys.stdout, stdout = text, sys.stdout
        try:
            value.show()
        finally:
            sys.stdout = stdout
        return {"data": {"text/plain": text.getvalue()}, "metadata": {}}


def session_of(namespace: dict[str, Any]) -> Any:
    """The SparkSession of the shell; the newest one where that was stopped. User code may have given `spark` another value. None is
    started: what a notebook has stopped stays so for all its languages."""
    from pyspark.sql import SparkSession

    spark = namespace.get("spark")
    # A session of Spark Connect is none of this class, and another one would know no view and no table of the user's.
    if (isinstance(spark, SparkSession) or is_connect(spark)) and is_alive(spark):
        return spark
    if spark_is_stopped():
        raise Refused(SPARK_STOPPED)
    return SparkSession.builder.getOrCreate()


def is_alive(session: Any) -> bool:
    if is_connect(session):
        return not getattr(session, "is_stopped", False)
    try:
        return not session._jsc.sc().isStopped()
    except AttributeError:  # stopped in Python
        return False
