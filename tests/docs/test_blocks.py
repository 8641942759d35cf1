"""Each block of `sh` and `python` in the README and in docs/ is run here, as it stands, or is marked why not.

All run on one embedded Fabric with two lakehouses: `Sales/Bronze` is the first, and `local` is taken for the second, so that one Spark does.
Blocks of Python are cells of one notebook, in the order of their page.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabric_livy_magic.cli.main import main
from tests.support import service
from tests.support.doc_blocks import PAGES, ROOT, Block, blocks_of
from tests.support.kernels import Kernel, kernel

BLOCKS = [block for page in PAGES for block in blocks_of(page) if block.language in {"python", "sh"}]
RUN = [block for block in BLOCKS if not block.how]
WORKSPACES = """
[[workspaces]]
name = "Sales"
lakehouses = [{name = "Bronze", folder = "bronze", schemas = true}, {name = "Silver", folder = "silver", schemas = true}]
"""
LOCAL = re.compile(r"(?<=%livy use )local\b|(?<=connect\(\")local(?=\")|(?<=--target )local\b")

# What a reader of these pages has: tables, variables, files.
TABLES = """
rows = spark.sql("SELECT id, CAST(id AS DOUBLE) AS fare, id AS fare_amount, 'a' AS vendor, id % 3 AS pickup_zone, 'cash' AS payment, "
                 "concat('a', id, '@x.com') AS email, '1' AS phone, id AS rider_id FROM range(30)")
for name in ("green_tripdata", "green_tripdata_2022", "taxis", "trips", "riders"):
    rows.write.saveAsTable(name)
"""
VARIABLES = """
%load_ext fabric_livy_magic
from pathlib import Path
from fabric_livy_magic import connect
vendors = ["a", "b"]
"""
FILES = {
    "data.csv": "id,name\n1,Newark\n",
    "raw/one.csv": "id\n1\n",
    "report.sql": "SELECT count(*) AS trips FROM trips",
    "script.py": "spark.range(3).count()",
    "company-ca.pem": "",
    "pyproject.toml": "[tool.fabric-livy]\nrows_shown = 20\n",
}
NOTEBOOK = {
    "cells": [{"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": "spark.range(3).count()"}],
    "metadata": {"kernelspec": {"name": "synapse_pyspark", "display_name": "Synapse PySpark", "language": "Python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}  # fmt: skip


def test_each_block_is_run_or_says_why_not() -> None:
    assert len(RUN) > 40
    for block in BLOCKS:
        if block.how == "run by":
            test = ROOT / block.what
            assert test.is_file(), block.where
            assert block.page.name in test.read_text(encoding="utf-8"), (
                f"{block.where}: {block.what} does not name the page"
            )
        for path in re.findall(r"tests/[\w/]+(?:\.py)?", block.what):
            assert (ROOT / path).exists(), f"{block.where}: {path}"
        assert block.how != "not run:" or len(block.what) > 10, block.where


def test_a_block_in_a_language_that_is_run_is_not_hidden_as_another() -> None:
    for page in PAGES:
        for block in blocks_of(page):
            assert block.language in {"", "text", "sh", "python", "toml", "yaml", "json"}, block.where


# ------------------------------------------------------------------------------------------------ the machine of a reader
@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reader")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "notebooks").mkdir()
    for name in ("load.ipynb", "notebooks/load.ipynb"):
        (folder / name).write_text(json.dumps(NOTEBOOK), encoding="utf-8")
    shutil.copytree(ROOT / "tests" / "fabric_repository" / "Child Load.Notebook", folder / "Load.Notebook")
    return folder


@pytest.fixture(scope="module")
def environ(home: Path) -> Iterator[dict[str, str]]:
    (home / "workspaces.toml").write_text(WORKSPACES, encoding="utf-8")
    options = ("--token", service.TOKEN, "--share-spark", "--workspaces", str(home / "workspaces.toml"))
    with service.serving(None, options) as api:
        session = api.start_session()
        session.wait_for("idle")
        assert session.output(TABLES)["status"] == "ok"
        put_file(api)
        api.delete(session.path)
        yield {
            "FABRIC_LIVY_API_URL": api.ready["api_url"],
            "FABRIC_LIVY_TOKEN": service.TOKEN,
            "FABRIC_LIVY_TARGET": "Sales/Bronze",
            "LIVY_ENDPOINT": api.base,
            "HOME": str(home),
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),
        }


@pytest.fixture(scope="module")
def notebook(environ: dict[str, str], home: Path) -> Iterator[Kernel]:
    with kernel(environ, home) as running:
        assert running.run(VARIABLES).status == "ok"
        yield running


def put_file(api: service.Api) -> None:
    """What the lakehouse has in Files/raw."""
    workspace, lakehouse = re.findall(r"/(?:workspaces|lakehouses)/([^/]+)", api.base)
    file = f"{api.ready['api_url'].removesuffix('/v1')}/onelake/{workspace}/{lakehouse}/Files/raw/day.csv"
    assert api.http.put(file, params={"resource": "file"}, timeout=60).status_code == 201


def as_here(block: Block, environ: dict[str, str]) -> str:
    """The block with the addresses of this machine."""
    text = LOCAL.sub("Sales/Silver" if "%livy use" not in block.text else "Sales/Bronze", block.text)
    text = re.sub(r"http://127\.0\.0\.1:PORT/v1/\S+(?=\")", environ["LIVY_ENDPOINT"], text)
    return text.replace("Bearer TOKEN", f"Bearer {service.TOKEN}")


@pytest.mark.spark
@pytest.mark.parametrize("page", dict.fromkeys(block.page for block in RUN), ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run(
    page: Path,
    environ: dict[str, str],
    notebook: Kernel,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Commands of `fabric-livy` are run in this process, which saves each the start of a Python."""
    monkeypatch.chdir(home)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    for block in (block for block in RUN if block.page == page):
        if block.language == "python":
            done = notebook.run(as_here(block, environ))
            assert done.status == "ok", f"{block.where}\n{done.printed}\n{done.ename}: {done.evalue}\n{done.traceback}"
            continue
        for line in as_here(block, environ).splitlines():
            words = [os.path.expanduser(word) for word in shlex.split(line, comments=True)]  # noqa: PTH111 - a word of SQL is no path
            if words[:1] == ["fabric-livy"]:
                assert main(words[1:]) == 0, f"{block.where}\n{line}\n{capfd.readouterr().err}"
            elif words:
                assert subprocess.run(["bash", "-c", line], check=False).returncode == 0, f"{block.where}: {line}"
