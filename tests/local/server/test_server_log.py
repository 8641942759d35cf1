"""The server's own log: one file for several servers, readable by its owner alone, without anybody's words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.service import ROOT

WRITING_SCRIPT = """
import logging, sys
from fabric_livy_magic.local.server.server_log import MOST_BYTES, begin_log
begin_log()
for number in range(MOST_BYTES // 100):
    logging.getLogger("fabric_livy_magic.local").info("%s %s", number, "x" * 100)
"""
FAILING_SCRIPT = """
import logging
from fabric_livy_magic.local.server.server_log import begin_log
assert begin_log() is not None
def work():
    raise ValueError("hush")
try:
    work()
except ValueError as problem:
    logging.getLogger("fabric_livy_magic.local").error("%s failed", "GET", exc_info=problem)
    logging.getLogger("tornado.general").info("Malformed HTTP message from %s: %s", "there", "hush")
    logging.error("Exception while sending: hush", exc_info=problem)
    logging.getLogger("asyncio").error("Task was destroyed\\ntask: <Task hush>")
"""


def start(script: str, state: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "XDG_STATE_HOME": str(state), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.skipif(sys.platform != "linux", reason="the state folder has another variable elsewhere")
def test_several_servers_write_one_file_that_one_of_them_puts_aside(tmp_path: Path) -> None:
    writers = [start(WRITING_SCRIPT, tmp_path) for _ in range(3)]
    assert [writer.communicate(timeout=60)[0] for writer in writers] == ["", "", ""]
    files = sorted((tmp_path / "fabric-livy-magic").iterdir())
    assert [file.name for file in files] == ["serve.log", "serve.log.1"]
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    assert all(file.stat().st_size < 1.3 * 1024 * 1024 for file in files)
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    assert {line.split()[-1] for line in lines} == {"x" * 100}, "whole lines"


@pytest.mark.skipif(sys.platform != "linux", reason="the state folder has another variable elsewhere")
def test_a_failure_is_logged_with_type_and_place_and_a_library_s_line_without_its_arguments(tmp_path: Path) -> None:
    assert start(FAILING_SCRIPT, tmp_path).communicate(timeout=60)[0] == ""
    text = (tmp_path / "fabric-livy-magic" / "serve.log").read_text(encoding="utf-8")
    assert "hush" not in text.replace('raise ValueError("hush")', "")
    assert "ERROR GET failed\n" in text
    assert "in work\n" in text
    assert text.count("ValueError\n") == 2
    for words in ("INFO tornado.general: Malformed HTTP message from", "ERROR asyncio: Task was destroyed"):
        assert f"{words}\n" in text
    assert "ERROR root: Exception while sending\n" in text
