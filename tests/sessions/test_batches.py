"""Batches on real Spark: the embedded Fabric in both dialects, through the client, its uploads and its log. A batch costs a JVM, so
that they are submitted together, and each answers several questions."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabric_livy_magic.cells.batch_options import BatchRequest
from fabric_livy_magic.errors import BatchFailed, HttpError, NotFoundError
from fabric_livy_magic.livy.batches import TERMINAL
from fabric_livy_magic.sessions.account import Account
from fabric_livy_magic.sessions.batches import Batch, Batches
from tests.support import livy_dialect, service
from tests.support.service import TOKEN

pytestmark = pytest.mark.spark

# The answer to the first submission is lost after the server has taken it.
LOST_ANSWER = """
[[requests]]
method = "POST"
path = "/batches"
times = 1
after_work = true
connection = "close"
"""
CELLS = (
    '%%configure -f\n{"conf": {"spark.sql.shuffle.partitions": "3"}}',
    "%matplotlib inline\nimport sys\nfrom helper import doubled\nfloor = doubled(int(sys.argv[1]))",
    "%%sql\nCREATE OR REPLACE TEMP VIEW numbers AS SELECT id FROM range(10);\nSELECT count(*) AS above FROM numbers WHERE id > :floor",
    "print('partitions', spark.conf.get('spark.sql.shuffle.partitions'), sys.argv[2])\nfloor",
)
FAILING = """
    import sys
    print("before")
    sys.exit(3)
"""
RAISING = """
    print("before")
    raise ValueError("the telling line")
"""
ENDLESS = """
    import time
    print("it runs", flush=True)
    while True: time.sleep(0.1)
"""
SUCCEEDING = """
    import sys
    print("arguments", sys.argv[1:])
"""


def write(folder: Path, name: str, code: str) -> str:
    file = folder / name
    file.write_text(textwrap.dedent(code).lstrip(), encoding="utf-8")
    return str(file)


def write_notebook(folder: Path) -> str:
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [{**cell, "id": f"cell{number}", "source": source} for number, source in enumerate(CELLS)]
    metadata = {"kernelspec": {"name": "synapse_pyspark", "display_name": "PySpark"}}
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
    return write(folder, "report.ipynb", json.dumps(content))


def batches_of(url: str) -> Batches:
    account = Account({"target": url})
    return Batches(account, account.target, TERMINAL)


class Submitted:
    """Three batches on the embedded Fabric, of which the first answer was lost; what was said of the notebook's."""

    def __init__(self, batches: Batches, folder: Path, lakehouse: Path) -> None:
        self.lakehouse = lakehouse
        self.batches = batches
        self.said: list[str] = []
        helper = write(folder, "helper.py", "def doubled(number): return 2 * number")
        request = BatchRequest(file=write_notebook(folder), args=("3", "it's"), py_files=(helper,))
        self.notebook = batches.submit(request, say=self.said.append)
        self.failing = batches.submit(BatchRequest(file=write(folder, "failing.py", FAILING), name="nightly"))
        self.endless = batches.submit(BatchRequest(file=write(folder, "endless.py", ENDLESS)))


@pytest.fixture(scope="module")
def submitted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Submitted]:
    folder = tmp_path_factory.mktemp("batches")
    lakehouse = folder / "house"
    faults = folder / "faults.toml"
    faults.write_text(LOST_ANSWER, encoding="utf-8")
    with (
        service.serving(lakehouse, ("--token", TOKEN, "--faults", str(faults))) as api,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("FABRIC_LIVY_TOKEN", TOKEN)
        yield Submitted(batches_of(api.base), folder, lakehouse)


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOKEN", "PASSWORD"):
        monkeypatch.setenv(f"FABRIC_LIVY_{name}", TOKEN)


def test_one_whose_answer_was_lost_was_submitted_once(submitted: Submitted) -> None:
    assert sorted(one.id for one in submitted.batches.list()) == sorted(
        one.id for one in (submitted.notebook, submitted.failing, submitted.endless)
    )


def test_a_running_one_is_followed_and_cancelled(submitted: Submitted) -> None:
    def stop(line: str) -> None:
        if line == "it runs":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        submitted.endless.follow(stop)
    assert submitted.endless.cancel() is True
    with pytest.raises(BatchFailed, match="was cancelled, id"):
        submitted.endless.wait()
    assert submitted.endless.state == "killed"
    assert submitted.endless.cancel() is False


def test_a_notebook_runs_as_a_script_with_its_files_and_arguments(submitted: Submitted) -> None:
    batch = submitted.notebook.wait(timeout_s=120)
    log = "\n".join(batch.logs())
    assert (batch.state, batch.exit_code) == ("success", 0)
    assert "|above|" in log
    assert "|    3|" in log  # ids 7, 8 and 9
    assert "partitions 3 it's" in log
    assert "\n6" in log  # the value of the last line
    folder = f"Files/batches/{batch.name}"
    assert submitted.said == [
        "Left out, since it has no effect in a batch: %matplotlib inline",
        f"Uploaded report.py to {folder}/report.py",
        f"Uploaded helper.py to {folder}/helper.py",
    ]
    assert {one.name for one in (submitted.lakehouse / folder).iterdir()} == {"report.py", "helper.py"}


def test_a_failed_one_tells_its_exit_code_reason_and_log(submitted: Submitted) -> None:
    with pytest.raises(BatchFailed) as raised:
        submitted.failing.wait(timeout_s=120)
    assert "Batch nightly failed (state: dead)" in str(raised.value)
    assert "LIVY_JOB_STATE_DEAD the application ended with exit code 3" in str(raised.value)
    assert (submitted.failing.exit_code, submitted.failing.logs()[0]) == (3, "before")


def test_what_was_uploaded_for_one_that_is_refused_is_removed(submitted: Submitted, tmp_path: Path) -> None:
    refused = BatchRequest(file=write(tmp_path, "refused.py", "1"), conf=(("spark.driver.memory", "lots"),))
    with pytest.raises(HttpError, match="lots"):
        submitted.batches.submit(refused)
    folders = {one.name.rpartition("-")[0] for one in (submitted.lakehouse / "Files" / "batches").iterdir()}
    assert folders == {"report", "failing", "endless"}


# ------------------------------------------------------------------------------------------------ Apache Livy
@pytest.fixture(scope="module")
def on_livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Batches, Batch, Batch]]:
    """One that succeeds, whose answer was lost, and one that fails."""
    folder = tmp_path_factory.mktemp("livy")
    faults = folder / "faults.toml"
    faults.write_text(LOST_ANSWER, encoding="utf-8")
    with (
        livy_dialect.serving(folder / "house", "--faults", str(faults)) as api,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("FABRIC_LIVY_PASSWORD", TOKEN)
        account = Account({"target": api.base, "livy_user": "me"})
        batches = Batches(account, account.target, TERMINAL)
        good = batches.submit(BatchRequest(file=write(folder, "good.py", SUCCEEDING), args=("a b", "")))
        bad = batches.submit(BatchRequest(file=write(folder, "bad.py", RAISING), name="nightly"))
        yield batches, good, bad


def test_on_livy_one_is_submitted_once_and_its_log_read(on_livy: tuple[Batches, Batch, Batch]) -> None:
    batches, good, bad = on_livy
    assert [one.id for one in batches.list()] == [bad.id, good.id]
    lines: list[str] = []
    good.follow(lines.append)
    assert good.state == "success"
    assert lines.count("arguments ['a b', '']") == 1


def test_on_livy_a_failed_one_tells_its_log(on_livy: tuple[Batches, Batch, Batch]) -> None:
    batches, _, bad = on_livy
    with pytest.raises(BatchFailed, match=r"(?s)Batch nightly failed \(state: dead\).*ValueError: the telling line"):
        bad.wait(timeout_s=120)
    with pytest.raises(NotFoundError, match="There is no batch 77"):
        batches.get("77")
