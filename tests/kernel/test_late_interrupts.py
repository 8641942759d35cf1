"""An interrupt that comes when the cell has just begun or ended: the front end gets its reply all the same."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.support.timing import eventually
from tests.support.vs_code import VsCodeKernel, vs_code_kernel

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

# SIGINT just before the message of that kind is sent. The shell's own sockets are left as they are.
AT = """%%local
import os, signal
sender = get_ipython().kernel.session
send = type(sender).send.__get__(sender)
def send_after_interrupt(stream, kind, *arguments, **options):
    if kind == {kind!r} and sent:
        sent.pop()
        os.kill(os.getpid(), signal.SIGINT)
    return send(stream, kind, *arguments, **options)
sender.send, sent = send_after_interrupt, [1, 1]
"""


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VsCodeKernel]:
    with vs_code_kernel({}, tmp_path_factory.mktemp("notebook")) as running:
        yield running


@pytest.mark.parametrize("kind", ["execute_input", "execute_reply"])
@pytest.mark.parametrize("code", ["%%local\n40 + 2", "%%local\nimport asyncio\nawait asyncio.sleep(0)\n40 + 2"])
def test_the_cell_has_its_result_and_its_reply(kind: str, code: str, notebook: VsCodeKernel) -> None:
    notebook.run("%%local\nsent = []")
    notebook.run(AT.format(kind=kind))
    assert notebook.run(code).text == "42"
    assert notebook.run("%%local\nsent").text == "[]"


@pytest.mark.parametrize("code", ["%%local\nwhile True: pass", "%%local\nimport asyncio\nawait asyncio.sleep(60)"])
def test_the_code_itself_is_interrupted(code: str, notebook: VsCodeKernel) -> None:
    notebook.run("%%local\nsent = []")
    request = notebook.send(code.replace("%%local", "%%local\nprint('be' 'gun', flush=True)", 1))
    notebook.wait_for_output(request, "begun")
    notebook.interrupt()
    assert notebook.wait(request, 20).status == "error"
    assert eventually(lambda: notebook.run("%%local\n40 + 2").text == "42")


WHILE_IT_IS_READ = """%%local
import os, signal
def interrupt(lines):
    if due and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        due.pop()
        os.kill(os.getpid(), signal.SIGINT)
    return lines
get_ipython().input_transformers_cleanup.append(interrupt)
due = [1]
"""


def test_a_cell_that_is_interrupted_before_its_code_runs_ends_as_an_interrupted_one(notebook: VsCodeKernel) -> None:
    notebook.run(WHILE_IT_IS_READ)
    ended = notebook.run("%%local\nran = 42")
    assert (ended.status, ended.ename) == ("error", "KeyboardInterrupt")
    assert "KeyboardInterrupt" in ended.traceback
    assert notebook.run("%%local\ndue, 'ran' in globals()").text == "([], False)"
