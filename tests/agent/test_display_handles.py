"""Displays that change, IPython's functions for output, widgets and threads, through the agent in a Python without Spark."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.agent_process import AgentProcess, agent_process, text_of


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with agent_process(tmp_path_factory.mktemp("session")) as process:
        yield process


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """Its Python has the standard library alone."""
    with agent_process(tmp_path_factory.mktemp("bare"), ["-S"]) as process:
        yield process


def events(agent: AgentProcess, code: str) -> list[dict[str, Any]]:
    reply = agent.cell(code)
    assert reply.error is None, reply.error["full"]
    return [dict(event) for event in reply.events]


# ------------------------------------------------------------------------------------------------ handles
def test_a_handle_changes_its_display_also_from_a_later_cell(agent: AgentProcess) -> None:
    first, printed = events(agent, "h = display('one', display_id=True)\nprint('p')\nh.update('two')")
    assert (first["data"]["text/plain"], printed["text"]) == ("'two'", "p\n")
    (update,) = events(agent, "h.update('three')")
    assert (update["update"], update["data"]["text/plain"]) == (first["id"], "'three'")


def test_a_display_is_updated_by_its_name(agent: AgentProcess) -> None:
    (first,) = events(agent, "display({'text/plain': 'raw'}, raw=True, display_id='name');")
    (update,) = events(agent, "from IPython.display import update_display\nupdate_display(5, display_id='name')")
    assert update["update"] == first["id"] != "name"
    assert update["data"]["text/plain"] == "5"
    assert events(agent, "update_display(5, display_id='unknown')") == []


def test_a_handle_may_display_once_more(agent: AgentProcess) -> None:
    code = (
        "from IPython.display import DisplayHandle\nh = DisplayHandle('twice')\nh.display(1)\nprint('-')\nh.display(2)"
    )
    assert [text_of(event) for event in events(agent, code)] == ["2", "-\n", "2"]


def test_an_update_that_names_no_display_is_refused(agent: AgentProcess) -> None:
    error = agent.cell("display(1, update=True)").error
    assert error is not None
    assert error["evalue"] == "display_id required for update_display"


def test_a_figure_is_changed_in_place(agent: AgentProcess) -> None:
    code = "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\nh = display(figure, display_id=True)\n"
    (shown,) = events(agent, code + "axes.plot([1, 2])\nh.update(figure)")
    assert shown["version"] == 1
    assert "image/png" in shown["data"]


def test_what_a_cell_clears_is_gone(agent: AgentProcess) -> None:
    code = "from IPython.display import clear_output\nfor i in range(3):\n    clear_output(wait=True)\n    print(i)\n    display(i)"
    assert agent.shows(code) == ["2\n", "2"]
    assert agent.shows("print('a')\nclear_output()\nprint('b')\nclear_output(wait=True)") == ["b\n"]


# ------------------------------------------------------------------------------------------------ IPython
WAYS = {
    "publish_display_data": "from IPython.display import publish_display_data as f; f({'text/plain': 'x'}, {'k': 1})",
    "the shell": "get_ipython().display_pub.publish({'text/plain': 'x'}, metadata={'k': 1})",
    "IPython's get_ipython": "import IPython; IPython.get_ipython().display_pub.publish({'text/plain': 'x'}, {'k': 1})",
    "IPython's class": "from IPython.core.interactiveshell import InteractiveShell as S\n"
    "S.instance().display_pub.publish({'text/plain': 'x'}, {'k': 1})",
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_ipython_to_publish_shows_below_the_cell(agent: AgentProcess, way: str) -> None:
    (event,) = events(agent, WAYS[way])
    assert (event["data"], event["metadata"]) == ({"text/plain": "x"}, {"k": 1})


def test_types_are_taken_and_left_out_as_ipython_does(agent: AgentProcess) -> None:
    code = "class Both:\n    def _repr_html_(self): return '<b>'\n    def __repr__(self): return 'Both()'\n"
    shown = events(agent, code + "display(Both(), include=['text/html'])\ndisplay(Both(), exclude=['text/html'])")
    assert [event["data"] for event in shown] == [{"text/html": "<b>"}, {"text/plain": "Both()"}]


OBJECTS = {
    "HTML('<b>x</b>')": ("text/html", "<b>x</b>"),
    "Markdown('*x*')": ("text/markdown", "*x*"),
    "Latex('$x$')": ("text/latex", "$x$"),
    "Math('x')": ("text/latex", r"$\displaystyle x$"),
    "SVG('<svg/>')": ("image/svg+xml", "<svg/>"),
    "JSON({'a': 1})": ("application/json", {"a": 1}),
    "Javascript('1 + 1')": ("application/javascript", "1 + 1"),
    "Image(b'\\x89PNG')": ("image/png", "iVBORw=="),
}


@pytest.mark.parametrize("code", OBJECTS)
@pytest.mark.parametrize("python", ["agent", "bare"])
def test_objects_of_ipython_display_are_shown_with_and_without_ipython(
    request: pytest.FixtureRequest, python: str, code: str
) -> None:
    process: AgentProcess = request.getfixturevalue(python)
    mime, content = OBJECTS[code]
    (event,) = events(process, f"from IPython.display import *\ndisplay({code})")
    shown = event["data"][mime]
    assert (shown.strip() if isinstance(shown, str) else shown) == content


@pytest.mark.parametrize("python", ["agent", "bare"])
def test_frames_and_sounds_are_html(request: pytest.FixtureRequest, python: str) -> None:
    process: AgentProcess = request.getfixturevalue(python)
    code = "display(IFrame('https://a.example/?b&c', 10, 20), Audio(url='https://a.example/x.wav'), Video('https://a.example/x.mp4'))"
    shown = events(process, f"from IPython.display import *\n{code}")
    for event, tag in zip(shown, ("iframe", "audio", "video"), strict=True):
        assert f"<{tag}" in event["data"]["text/html"]
        assert "https://a.example/" in event["data"]["text/html"]


def test_a_session_without_ipython_has_its_functions_and_nothing_else_of_it(bare: AgentProcess) -> None:
    code = (
        "from IPython.display import clear_output, display, update_display\nfrom IPython import get_ipython\nprint(1)\n"
    )
    assert bare.shows(code + "clear_output()\nprint(get_ipython() is not None)") == ["True\n"]
    error = bare.cell("import IPython.terminal").error
    assert error is not None
    assert error["ename"] == "ModuleNotFoundError"


# ------------------------------------------------------------------------------------------------ libraries
def test_scripts_of_libraries_pass_as_they_are(agent: AgentProcess) -> None:
    bundle = {
        "application/javascript": "show()",
        "application/vnd.bokehjs_exec.v0+json": "",
        "text/html": "<script>1</script>",
    }
    (event,) = events(
        agent, f"display({bundle!r}, raw=True, metadata={{'application/vnd.bokehjs_exec.v0+json': {{'id': 'p1'}}}})"
    )
    assert event["data"] == bundle
    assert event["metadata"] == {"application/vnd.bokehjs_exec.v0+json": {"id": "p1"}}


def test_a_bar_of_tqdm_is_text_where_it_looks_for_the_best_way(agent: AgentProcess) -> None:
    (event,) = events(agent, "from tqdm.auto import tqdm\nfor _ in tqdm(range(3), desc='bar'): pass")
    assert event["stream"] == "stderr"
    assert "bar: 100%" in event["text"]


def test_a_bar_of_tqdm_for_notebooks_is_a_picture_of_its_last_state(agent: AgentProcess) -> None:
    pytest.importorskip("ipywidgets")
    (event,) = events(agent, "from tqdm.notebook import tqdm\nfor _ in tqdm(range(3), desc='bar'): pass")
    assert '<progress value="3" max="3">100%</progress>' in event["data"]["text/html"]
    assert event["data"]["text/plain"].startswith("bar:\u2007100% |####################| 3/3")
    assert set(event["data"]) == {"text/html", "text/plain"}


def test_without_ipywidgets_that_bar_is_text(tmp_path: Any) -> None:
    hidden = "import sys\nsys.modules['ipywidgets'] = None\n"
    with agent_process(tmp_path) as process:
        (event,) = events(process, f"{hidden}from tqdm.notebook import tqdm, trange\nfor _ in trange(3): pass")
    assert "100%" in event["text"]


def test_a_widget_is_shown_as_it_looks_and_again_when_a_later_cell_has_changed_it(agent: AgentProcess) -> None:
    pytest.importorskip("ipywidgets")
    code = "import ipywidgets as w\nslider = w.IntSlider(value=3, description='<n>')\nbox = w.VBox([slider, w.Button(description='Go')])\nbox"
    (shown,) = events(agent, code)
    assert shown["data"]["text/plain"] == "<n> 3\n[Go]"
    assert "&lt;n&gt; <span>3</span>" in shown["data"]["text/html"]
    (update,) = events(agent, "slider.value = 4")
    assert (update["update"], update["data"]["text/plain"]) == (shown["id"], "<n> 4\n[Go]")
    assert events(agent, "1;") == []


WIDGETS = {
    "w.FloatProgress(value=0.5, max=1, description='p')": "p 50%|##########          | 0.5/1",
    "w.HTML('<b>a &amp; b</b>')": "a & b",
    "w.Dropdown(options=[('one', 1), ('two', 2)], value=2, description='d')": "d two",
    "w.Checkbox(value=True, description='c')": "c True",
    "w.Text('t', description='d')": "d t",
    "w.Image(value=b'png')": "Image",
    "w.HBox([w.Label('a'), w.Label('b')])": "a b",
    "w.Output()": "",
}


@pytest.mark.parametrize("code", WIDGETS)
def test_each_kind_of_widget_has_a_text(agent: AgentProcess, code: str) -> None:
    pytest.importorskip("ipywidgets")
    (event,) = events(agent, f"import ipywidgets as w\n{code}")
    assert event["data"]["text/plain"] == WIDGETS[code]
    assert event["data"]["text/html"].startswith("<div>")


# ------------------------------------------------------------------------------------------------ threads and tasks
def test_a_thread_prints_into_its_own_cell_while_that_runs(agent: AgentProcess) -> None:
    code = "import threading\nt = threading.Thread(target=print, args=('told',))\nt.start(); t.join()"
    assert agent.shows(code) == ["told\n"]


LATE = "import threading, time\ndef late():\n    time.sleep(0.3)\n    print('one'); print('two'); display('three')\n    1 / 0\n"


def test_what_a_thread_tells_after_its_cell_is_told_by_the_next_one_as_its_own(agent: AgentProcess) -> None:
    assert agent.call("cell", f"{LATE}threading.Thread(target=late, name='slow').start()", 20, False, 7).events == ()
    time.sleep(0.6)
    assert agent.call("complete", "x", 1).events == ()  # nobody sees the output of such a call
    out, shown, err, last = events(agent, "print('mine')")
    assert out["text"] == "[cell 7] one\n[cell 7] two\n[cell 7] shows:\n"
    assert shown["data"]["text/plain"] == "'three'"
    assert err["text"].startswith("[cell 7] Exception in thread slow:\n")
    assert err["text"].endswith("[cell 7] ZeroDivisionError: division by zero\n")
    assert "fabric_livy" not in err["text"]
    assert last["text"] == "mine\n"


def test_a_thread_of_another_cell_is_named_in_the_cell_that_runs(agent: AgentProcess) -> None:
    agent.call(
        "cell", f"{LATE}t = threading.Thread(target=lambda: (time.sleep(0.2), print('late')))\nt.start()", 20, False, 3
    )
    assert agent.shows("print('mine', end=' ')\nt.join()\nprint('more')") == ["mine ", "[cell 3] late\n", "more\n"]


def test_a_job_of_a_thread_pool_is_of_the_cell_that_gave_it(agent: AgentProcess) -> None:
    agent.cell(
        "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(1)\npool.submit(int).result()"
    )
    assert agent.shows("pool.submit(print, 'job').result()") == ["job\n"]


def test_a_task_of_an_earlier_cell_is_named(agent: AgentProcess) -> None:
    code = "import asyncio\nasync def tell():\n    await asyncio.sleep(0.05)\n    print('task')\ntask = asyncio.create_task(tell())"
    agent.call("cell", code, 20, False, 5)
    assert agent.shows("await task") == ["[cell 5] task\n"]


def test_a_late_thread_clears_no_other_cell(agent: AgentProcess) -> None:
    agent.cell(
        "from IPython.display import clear_output\nimport threading, time\nt = threading.Thread(target=lambda: (time.sleep(0.2), clear_output()))\nt.start()"
    )
    assert agent.shows("print('kept')\nt.join()") == ["kept\n"]
