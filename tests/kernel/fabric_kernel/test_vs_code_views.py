"""The Variables view, completion and a second Run All in a kernel that is driven as VS Code drives it."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterator

import pytest

from tests.support import service
from tests.support.kernels import ANSI, Kernel
from tests.support.vs_code import VsCodeKernel, vs_code_kernel

pytestmark = pytest.mark.spark
# As its helper lists what the view shows.
LIST = "import json as _VSCODE_json\nprint(_VSCODE_json.dumps([n for n in dir() if type(globals()[n]) in (list, str) and n[0] not in '_IO']))"


@pytest.fixture(scope="module")
def notebook(api: service.Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VsCodeKernel]:
    """It has no session of its own."""
    environ = {"FABRIC_LIVY_TARGET": api.base, "FABRIC_LIVY_TOKEN": service.TOKEN}
    with vs_code_kernel(environ, tmp_path_factory.mktemp("notebook")) as running:
        yield running


def test_the_variables_view_has_each_value_with_and_without_a_session(notebook: VsCodeKernel, started: Kernel) -> None:
    def view() -> dict[str, str]:
        names = json.loads(notebook.help_code(LIST).printed)
        shown = {name: notebook.inspect(name) for name in names}
        assert all(one["found"] for one in shown.values()), shown
        return {name: ANSI.sub("", one["data"]["text/plain"]) for name, one in shown.items()}

    notebook.run("%%local\ntrips = [1, 2]\ncity = 'here'")
    assert set(view()) == {"trips", "city"}
    session = json.loads(started.run("%livy status --json").text)[0]["id"]
    assert "runs already" in notebook.run(f"%livy attach {session}\n%livy start").text
    assert f"Session {session} is in this notebook already" in notebook.run(f"%livy attach {session}").text
    notebook.run("city = 'there'")
    assert "here" in view()["city"], "the value that it lists is the one of this Python"
    assert "there" not in view()["city"]


def test_a_column_is_offered_within_quotes_and_is_called_unlike_a_builtin(
    notebook: VsCodeKernel, started: Kernel
) -> None:
    """VS Code drops a match that its Python extension offers as well."""
    notebook.run("rides = spark.range(2)")
    for _ in range(3):  # a loaded machine may answer late: then the next one has it
        answer = notebook.complete('rides[""]', 7, timeout_s=10)
        if answer["matches"]:
            break
    assert answer["matches"] == ['"id']
    assert (answer["cursor_start"], answer["cursor_end"]) == (6, 7)
    assert not {*answer["matches"]} & {*dir(builtins)}
