"""Values as MIME bundles, as a notebook shows them; Spark DataFrames as their first rows."""

from __future__ import annotations

import base64
import io
import json
import pprint
import sys
from typing import Any

from . import charts, frames
from .errors import SPARK_STOPPED, NoArrow, Refused, error_parts, spark_is_stopped
from .output import running

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


def display(*values: Any, raw: bool = False, metadata: Any = None, summary: bool = False, **ignored: Any) -> None:
    """A notebook's own `display`; with `raw` the values are MIME bundles, with `summary` frames are shown as their
    columns' statistics."""
    for value in values:
        if running.call is None:
            print(repr(value))  # noqa: T201 - a thread that outlives its cell
        elif raw:
            running.call.guard.drain()
            running.call.output.bundle(dict(value), metadata)
        else:
            show(statistics(value) if summary else value)


def statistics(value: Any) -> Any:
    if is_spark_frame(value):
        return value.summary()
    return value.describe(include="all") if callable(getattr(value, "describe", None)) else value


def displayHTML(html: Any) -> None:  # noqa: N802 - Fabric's name
    """Shows a text of HTML below the cell."""
    display({"text/html": str(html), "text/plain": "<HTML>"}, raw=True)


def show(value: Any, **more: Any) -> None:
    running.call.guard.drain()
    if is_spark_frame(value):
        show_spark_frame(value, **more)
    elif is_figure(value):
        show_figure(value, **more)
    elif not shows_itself(value):
        data, metadata = bundle_of(value)
        running.call.output.bundle(data, metadata, **more)


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
    for mime, content in bundle.items() if isinstance(bundle, dict) else ():
        if isinstance(content, bytes):
            data[mime] = base64.b64encode(content).decode("ascii")
        elif isinstance(content, str) or (content is not None and can_travel(mime, content)):
            data[mime] = content
    if isinstance(more_metadata, dict) and can_travel("json", more_metadata):
        metadata.update(more_metadata)


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


def show_figure(figure: Any, **more: Any) -> None:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", bbox_inches="tight")
    png = base64.b64encode(picture.getvalue()).decode("ascii")
    running.call.output.bundle({"image/png": png, "text/plain": repr(figure)}, **more)
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(figure)  # or it would be shown once more at the end of the cell


def show_figures(*ignored: Any, **also_ignored: Any) -> None:
    """Replaces `pyplot.show`, and is called at the end of each cell."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if running.call is not None and pyplot is not None and hasattr(pyplot, "get_fignums"):
        for number in pyplot.get_fignums():
            show_figure(pyplot.figure(number))


# ------------------------------------------------------------------------------------------- Spark


def is_spark_frame(value: Any) -> bool:
    spark = sys.modules.get("pyspark.sql")
    if spark is None:
        return False
    connect = sys.modules.get("pyspark.sql.connect.dataframe")
    return isinstance(value, (spark.DataFrame, *([connect.DataFrame] if connect else [])))


def show_spark_frame(value: Any, **more: Any) -> None:
    output = running.call.output
    # A quarter of what is left, in base64: many frames of a loop have room, each with fewer rows than the one before.
    most_bytes = min(MOST_PREVIEW_BYTES, output.room * 3 // 16)
    if getattr(value, "isStreaming", False):  # it has no first rows
        running.call.output.bundle({"text/plain": repr(value)}, **more)
        return
    try:
        output.frame(frames.preview(value, running.call.rows_fetched, most_bytes), **more)
    except NoArrow:
        text = io.StringIO()
        sys.stdout, stdout = text, sys.stdout
        try:
            value.show()
        finally:
            sys.stdout = stdout
        running.call.output.bundle({"text/plain": text.getvalue()}, **more)


def session_of(namespace: dict[str, Any]) -> Any:
    """The SparkSession of the shell; the newest one where that was stopped. User code may have given `spark` another value. None is
    started: what a notebook has stopped stays so for all its languages."""
    from pyspark.sql import SparkSession

    spark = namespace.get("spark")
    if isinstance(spark, SparkSession) and is_alive(spark):
        return spark
    if spark_is_stopped():
        raise Refused(SPARK_STOPPED)
    return SparkSession.builder.getOrCreate()


def is_alive(session: Any) -> bool:
    try:
        return not session._jsc.sc().isStopped()
    except AttributeError:  # stopped in Python, or a Spark Connect session, which has no SparkContext
        return not hasattr(session, "_jsc")
