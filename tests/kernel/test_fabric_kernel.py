"""The Fabric Livy kernel on real Spark, driven as front ends drive it, VS Code's own helper code among it."""

from __future__ import annotations

import json
import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import service
from tests.support.kernels import Kernel, kernel

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[service.Api]:
    with service.serving(tmp_path_factory.mktemp("house"), ("--token", service.TOKEN)) as served:
        yield served


@pytest.fixture(scope="module")
def notebook(api: service.Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    environ = {"FABRIC_LIVY_TARGET": api.base, "FABRIC_LIVY_TOKEN": service.TOKEN}
    with kernel(environ, tmp_path_factory.mktemp("notebook"), with_person=True, spec="fabric-livy") as running:
        yield running


@pytest.fixture(scope="module")
def started(notebook: Kernel) -> Kernel:
    assert notebook.run("1 + 1").text.endswith("2")
    return notebook


def sessions(api: service.Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/sessions").json()["items"]
    return found


def codes(api: service.Api) -> list[str]:
    """All that any session was asked to run."""
    return [
        statement["code"]
        for session in sessions(api)
        for statement in api.get(f"/sessions/{session['id']}/statements").json()["statements"]
    ]


# ------------------------------------------------------------------------------------------------ helper code
# As VS Code's Jupyter extension sends it: silently, or inside a thread that asks for completions.
HELPER = (
    "import json as _VSCODE_json\nprint(_VSCODE_json.dumps([name for name in globals() if name == '_VSCODE_json']))"
)
COMPLETER = """
def __jupyter_exec_background__():
    from IPython.display import display
    from threading import Thread
    from traceback import format_exc
    output = display({"application/json": {}}, raw=True, display_id=True)
    def do_implementation():
        import time
        began = time.monotonic()
        answer = get_ipython().kernel.do_complete(%r, %d)
        return {"answer": answer, "seconds": time.monotonic() - began}
    def bg_main():
        try:
            output.update({"application/json": {"result": do_implementation()}}, raw=True)
        except Exception:
            output.update({"application/json": {"error": format_exc()}}, raw=True)
    Thread(target=bg_main, daemon=True).start()
__jupyter_exec_background__()
del __jupyter_exec_background__
"""


def helper(notebook: Kernel, code: str) -> str:
    content = {
        "code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": True, "stop_on_error": False
    }  # fmt: skip
    message = notebook.client.session.msg("execute_request", content)
    message["metadata"] = {"cellId": "vscode-notebook-cell:/home/me/a.ipynb#W0sZmlsZQ%3D%3D"}
    notebook.client.shell_channel.send(message)
    return str(message["header"]["msg_id"])


def completed(notebook: Kernel, code: str) -> dict[str, Any]:
    """By VS Code's road."""
    request = helper(notebook, COMPLETER % (code, len(code)))
    until = time.monotonic() + 10
    while time.monotonic() < until:
        message = notebook.client.get_iopub_msg(timeout=10)
        if message["msg_type"] == "update_display_data" and message["parent_header"].get("msg_id") == request:
            found: dict[str, Any] = message["content"]["data"]["application/json"]
            assert "error" not in found, found["error"]
            return found["result"]  # type: ignore[no-any-return]
    raise AssertionError("no completion came")


def test_nothing_starts_a_session_before_the_first_cell(notebook: Kernel, api: service.Api) -> None:
    assert notebook.wait(helper(notebook, HELPER)).printed == '["_VSCODE_json"]\n'
    assert notebook.run("%%local\n6 * 7").text == "42"
    for code in ("spark.ran", "%%sql\nSELECT * FROM ", "%livy st"):
        assert completed(notebook, code)["seconds"] < 2
        notebook.client.complete(code, reply=True, timeout=10)
        notebook.client.inspect(code, reply=True, timeout=10)
    notebook.client.is_complete("SELECT (")
    silent = notebook.client.execute("x_silent = 1", silent=True)
    assert notebook.wait(silent).status == "ok"
    assert notebook.run("%%local\nx_silent").text == "1"
    assert sessions(api) == []


def test_helper_code_stays_here_while_the_session_is_idle(started: Kernel, api: service.Api) -> None:
    before = codes(api)
    assert started.wait(helper(started, HELPER)).printed == '["_VSCODE_json"]\n'
    assert codes(api) == before


def test_a_completion_asks_the_idle_session_and_answers_in_time(started: Kernel, api: service.Api) -> None:
    started.run("frame = spark.range(3).withColumnRenamed('id', 'ident')")
    assert completed(started, "frame['")["answer"]["matches"] == ["ident"]
    assert not any("__jupyter_exec_background__" in code for code in codes(api))


def test_nothing_of_a_front_end_waits_or_reaches_the_session_while_a_cell_runs(
    started: Kernel, api: service.Api
) -> None:
    started.run("import time\nwaited_for = 1")
    # VS Code's helper threads outlive the request that started them.
    started.run(
        "%%local\nimport threading, time\nanswers = []\n"
        "def ask():\n    time.sleep(0.7)\n    for code in ('waited', 'frame.', '%livy sta', '%%sql\\nSELECT * FROM '):\n"
        "        began = time.monotonic()\n        found = get_ipython().kernel.do_complete(code, len(code))\n"
        "        answers.append((code, found['matches'][:3], time.monotonic() - began))\n"
        "threading.Thread(target=ask).start()"
    )
    before = len(codes(api))
    assert started.run("time.sleep(2.5)").status == "ok"
    answers = json.loads(started.run("%%local\nimport json\nprint(json.dumps(answers))").printed)
    assert [one[0] for one in answers] == ["waited", "frame.", "%livy sta", "%%sql\nSELECT * FROM "]
    assert all(seconds < 0.5 for _, _, seconds in answers)
    assert answers[0][1] == ["waited_for"]
    assert answers[2][1] == ["start", "status", "statements"]
    assert len(codes(api)) == before + 1


def test_an_interrupt_ends_a_cell_of_the_session_within_a_second(started: Kernel) -> None:
    for code in (
        "import time\ntime.sleep(60)",
        "while True: pass",
        "%%sql\nSELECT sum(sqrt(id)) FROM range(10000000000000)",
    ):
        request = started.send(code)
        time.sleep(1.5)
        began = time.monotonic()
        started.interrupt()
        stopped = started.wait(request, timeout_s=20)
        assert time.monotonic() - began < 3  # the issue says 1 s; the bound allows for a loaded machine
        assert (stopped.status, stopped.ename) == ("error", "Interrupted")
        assert "KeyboardInterrupt" in stopped.traceback
        assert started.run("'next'", timeout_s=30).text == "'next'"


def test_an_interrupt_ends_a_local_cell(started: Kernel) -> None:
    request = started.send("%%local\nimport time\ntime.sleep(30)")
    time.sleep(0.7)
    started.interrupt()
    assert started.wait(request, timeout_s=10).ename == "KeyboardInterrupt"


def test_the_kernel_answers_while_a_cell_runs(started: Kernel) -> None:
    """Widgets talk by comm messages, which are answered beside a cell that waits."""
    started.run(
        "%%local\nheard = []\ndef on_open(comm, message):\n    comm.on_msg(lambda one: heard.append(one['content']['data']))\n"
        "get_ipython().kernel.comm_manager.register_target('mine', on_open)"
    )
    client = started.client
    client.shell_channel.send(client.session.msg("comm_open", {"comm_id": "c1", "target_name": "mine", "data": {}}))
    request = started.send("import time\ntime.sleep(2)")
    time.sleep(0.5)
    client.shell_channel.send(client.session.msg("comm_msg", {"comm_id": "c1", "data": {"clicked": 1}}))
    time.sleep(0.7)
    control = client.session.msg("kernel_info_request", {})
    client.control_channel.send(control)
    began = time.monotonic()
    while client.control_channel.get_msg(timeout=5)["parent_header"].get("msg_id") != control["header"]["msg_id"]:
        pass
    assert time.monotonic() - began < 1
    assert started.wait(request).status == "ok"
    assert started.run("%%local\nheard").text == "[{'clicked': 1}]"


# ------------------------------------------------------------------------------------------------ cells
def test_a_bare_cell_runs_in_the_session_and_its_value_is_the_cells_result(started: Kernel) -> None:
    ran = started.run("x = 20\nx + 1")
    assert [(kind, content["data"]["text/plain"]) for kind, content in ran.outputs if kind == "execute_result"] == [
        ("execute_result", "21")
    ]
    assert started.run("spark.range(2)").bundles[0]["text/html"].count("<tr>") == 3


def test_local_names_and_those_of_the_session_are_apart(started: Kernel) -> None:
    started.run("name = 'session'")
    started.run("%%local\nname = 'here'")
    assert started.run("name").text == "'session'"
    assert started.run("%%local\nname").text == "'here'"


def test_output_goes_to_a_local_variable_in_every_language(started: Kernel) -> None:
    started.run("%%sql -o from_sql\nSELECT 1 AS one")
    started.run("%%pyspark -o from_python\nspark.range(3)")
    ran = started.run('%%spark -o from_scala\nval texts = Seq((1, "a")).toDF("n", "t")\ntexts')
    assert ran.status == "ok", ran.traceback
    started.run("%%spark -o scala_text\n1 + 1")
    shown = started.run("%%local\nprint(from_sql.one[0], len(from_python), from_scala.t[0], scala_text)").printed
    assert re.fullmatch(r"1 3 a res\d+: Int = 2\n+", shown)


def test_an_error_of_the_session_is_an_error_of_the_cell(started: Kernel) -> None:
    failed = started.run("print('before')\n1 / 0")
    assert (failed.status, failed.ename, failed.evalue) == ("error", "ZeroDivisionError", "division by zero")
    (error,) = [content for kind, content in failed.outputs if kind == "error"]
    assert (error["ename"], error["evalue"]) == ("ZeroDivisionError", "division by zero")
    assert failed.printed == "before\n"
    assert "1 / 0" in failed.traceback
    assert "fabric_livy_magic" not in failed.traceback


def test_lines_for_the_session_and_for_here_may_stand_in_one_cell(started: Kernel) -> None:
    ran = started.run("a = 1\n%livy config rows_shown\n%time a + 1\n!echo {a} from the shell\n")
    assert "rows_shown" in ran.text
    assert "wall time" in ran.printed
    assert "1 from the shell" in ran.printed


@pytest.mark.parametrize(
    ("code", "shows"),
    [
        ("%%time\n1 + 1", "2"),
        ("%%time\n%%sql\nSELECT 3 AS three", "three"),
        ("%%time\n%%local\n2 + 2", "4"),
        ("%%local\n%time 2 + 3", "5"),
    ],
)
def test_the_time_of_a_cell_is_told_and_its_value_is_shown(started: Kernel, code: str, shows: str) -> None:
    ran = started.run(code)
    assert re.search(r"Wall time: [\d.]+ [mμn]?s", ran.printed)
    assert shows in ran.text


def test_a_cell_that_fails_is_timed_too(started: Kernel) -> None:
    failed = started.run("%%time\n1 / 0")
    assert (failed.status, failed.ename) == ("error", "ZeroDivisionError")
    assert "Wall time: " in failed.printed


def test_what_the_session_gives_can_be_captured(started: Kernel) -> None:
    captured = started.run("%%capture kept\nin_session = 5\nprint('loud')\nin_session + 1")
    assert (captured.status, captured.text) == ("ok", "")
    shown = started.run(
        "%%local\nprint(kept.stdout.strip(), kept.outputs[0].data['text/plain'], 'in_session' in dir())"
    )
    assert shown.printed == "loud 6 False\n"
    assert started.run("in_session").text == "5"
    failed = started.run("%%capture kept\n1 / 0")
    assert (failed.status, failed.ename) == ("error", "ZeroDivisionError")
    assert "1 / 0" in failed.traceback


def test_what_a_magic_of_a_local_cell_runs_is_local(started: Kernel) -> None:
    started.run("%%local\n%%capture kept\nonly_here = 9")
    assert started.run("%%local\nonly_here").text == "9"
    assert started.run("only_here").ename == "NameError"


def test_an_interrupt_ends_a_captured_cell(started: Kernel) -> None:
    request = started.send("%%capture kept\nimport time\ntime.sleep(60)")
    time.sleep(1.5)
    began = time.monotonic()
    started.interrupt()
    started.wait(request, timeout_s=20)
    assert time.monotonic() - began < 5
    assert started.run("'next'", timeout_s=30).text == "'next'"


def test_a_line_magic_s_value_is_shown_or_assigned_here(started: Kernel) -> None:
    assert "one" in started.run("%sql SELECT 1 AS one").text
    assert "Available line magics" in started.run("a = 1\n%lsmagic").text
    started.run("a = 1\nframe_here = %sql SELECT 2 AS two")
    assert started.run("%%local\nframe_here.two[0]").text == "np.int32(2)"


def test_a_file_that_a_cell_writes_is_there_for_the_session(started: Kernel) -> None:
    started.run("%%writefile written_here_81.txt\nof this cell")
    assert started.run("!cat written_here_81.txt").printed.strip() == "of this cell"
    assert "written_here_81.txt" in started.run("%ls").printed
    assert started.run("open('written_here_81.txt').read()").text == repr("of this cell")


def test_history_has_the_cells_as_they_were_typed(started: Kernel) -> None:
    started.run("%%sql\nSELECT 'typed'")
    reply = started.client.history(hist_access_type="tail", n=1, raw=True, output=False, reply=True, timeout=10)
    assert reply["content"]["history"][-1][-1] == "%%sql\nSELECT 'typed'"


def test_user_expressions_and_the_count_are_those_of_this_kernel(started: Kernel) -> None:
    started.run("%%local\nhere_value = 5")
    request = started.client.execute("x = 1", user_expressions={"it": "here_value + 1"})
    while (reply := started.client.get_shell_msg(timeout=20))["parent_header"].get("msg_id") != request:
        pass
    assert reply["content"]["user_expressions"]["it"]["data"]["text/plain"] == "6"
    first = reply["content"]["execution_count"]
    request = started.client.execute("x = 2")
    while (reply := started.client.get_shell_msg(timeout=20))["parent_header"].get("msg_id") != request:
        pass
    assert reply["content"]["execution_count"] == first + 1


def test_input_is_refused_in_the_session_with_where_to_ask(started: Kernel) -> None:
    failed = started.run("input('name? ')")
    assert failed.status == "error"
    assert "cannot be answered here" in failed.traceback


def test_input_works_in_a_local_cell(started: Kernel) -> None:
    request = started.send("%%local\nprint('hello', input('name? '))")
    asked = started.client.get_stdin_msg(timeout=10)
    assert asked["content"]["prompt"] == "name? "
    started.client.input("Ada")
    assert started.wait(request).printed == "hello Ada\n"


def test_pip_installs_for_this_session_alone(started: Kernel, tmp_path: Path) -> None:
    wheel, about = tmp_path / "only_here_67-1-py3-none-any.whl", "only_here_67-1.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("only_here_67.py", "VALUE = 67\n")
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: only-here-67\nVersion: 1\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    ran = started.run(f"%pip install {wheel}\nimport only_here_67\nonly_here_67.VALUE")
    assert ran.status == "ok", ran.traceback
    assert ran.bundles[-1]["text/plain"] == "67"
    assert started.run("%%local\nimport only_here_67").ename == "ModuleNotFoundError"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("spark.ran", "range"),
        ("frame.groupBy('ident').", "agg"),
        ("spark.read.format('delta').", "load"),
        ("import pyspark.sql.functions as F\nF.col('", "ident"),
        ("frame.select('", "ident"),
        ("frame.filter(frame.ident > 1).sel", "select"),
        ("%livy at", "attach"),
        ("%livy start --ex", "--executor-memory"),
        ("%livy switch ", "main"),
        ("%livy config language s", "sql"),
        ("%%sql\nSELECT cou", "count"),
        ("%%sql\nSELECT * FROM sh", "shops"),
        ("%%sql\nSELECT  FROM shops", None),
        ("%%sql\nSELECT s. FROM shops s", None),
        ("%%sq", "%%sql"),
        ("%%local\nimport jso", "json"),
    ],
)
def test_completions_know_the_session(started: Kernel, code: str, found: str | None) -> None:
    started.run("frame = spark.range(3).withColumnRenamed('id', 'ident')\nimport pyspark.sql.functions as F")
    started.run("%%sql\nCREATE OR REPLACE TEMPORARY VIEW shops AS SELECT 1 AS shop_id, 'x' AS town")
    cursor = len(code) if found else code.index("  ") + 1 if "  " in code else code.index("s.") + 2
    for _ in range(3):  # a loaded machine may answer late: then the next one has it
        reply = started.client.complete(code, cursor, reply=True, timeout=10)["content"]
        if reply["matches"]:
            break
        time.sleep(1)
    assert (found or "shop_id") in reply["matches"]
    kinds = {one["text"]: one["type"] for one in reply["metadata"].get("_jupyter_types_experimental", ())}
    assert set(reply["matches"]) <= set(kinds)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("spark.range", "Signature: range(start: int"),
        ("frame", "ident: bigint"),
        ("%livy start", "--driver-memory"),
        ("%%sql\nSELECT concat", "Returns the concatenation"),
        ("%%local\nlen", "Return the number of items"),
    ],
)
def test_inspection_shows_signatures_columns_and_help(started: Kernel, code: str, says: str) -> None:
    started.run("frame = spark.range(3).withColumnRenamed('id', 'ident')")
    content = started.client.inspect(code, len(code), reply=True, timeout=10)["content"]
    assert content["found"]
    assert says in content["data"]["text/plain"]


def test_a_restart_stops_the_session(api: service.Api, tmp_path: Path) -> None:
    environ = {"FABRIC_LIVY_TARGET": api.base, "FABRIC_LIVY_TOKEN": service.TOKEN}
    before = {session["id"] for session in sessions(api)}
    with kernel(environ, tmp_path, spec="fabric-livy") as running:
        running.run("1")
        (mine,) = {session["id"] for session in sessions(api)} - before
        running.manager.restart_kernel()
        running.client.wait_for_ready(timeout=60)
        assert api.get(f"/sessions/{mine}").status_code == 404 or mine not in {one["id"] for one in sessions(api)}
