"""What docs/kernel.md says of where things run is true: each word of its table is run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import service
from tests.support.kernels import Kernel, kernel

pytestmark = pytest.mark.spark

PAGE = Path(__file__).parents[2] / "docs" / "kernel.md"
# `place` is 'session' there and 'here' here; PLACE of the environment as well. A word of the page → (a cell, what it shows).
SHOWS = {
    "a cell without a magic": ("place", "'session'"),
    "%%pyspark": ("%%pyspark\nplace", "'session'"),
    "%%sql": ("%%sql\nSELECT 1 AS one; SELECT :place AS place", "session"),
    "%sql": ("frame = %sql SELECT :place AS place", ""),
    "%%spark": ('%%spark\nspark.table("place").first.getString(0)', "String = session"),
    "%%scala": ('%%scala\nspark.table("place").first.getString(0)', "String = session"),
    "%%sparkr": ("%%sparkr\n1", "R is not part of the embedded Fabric"),
    "-o NAME": ("%%pyspark -o fetched\nspark.table('place')", "session"),
    "%%configure": ('%%configure -f\n{"name": "new"}', '"name": "new"'),
    "%%local": ("%%local\nplace", "'here'"),
    "%livy": ("%livy status", "idle"),
    "%livy get": ("%livy get spark.range(2) -o two", "two: 2 rows"),
    "%livy put": ("%livy put two", "as a temporary view"),
    "%run": ("%run other.py", "'session'"),
    "%time": ("%time place", "'session'"),
    "%timeit": ("%timeit -n 1 -r 1 print(place)", "session"),
    "%%timeit": ("%%timeit -n 1 -r 1\nprint(place)", "session"),
    "%%time": ("%%time\n%%local\nplace", "'here'"),
    "%%capture": ("%%capture taken\nprint(place)", ""),
    "!command": ("!echo {place} $place $PLACE", "session session session"),
    "lines = !command": ("lines = !echo {place}\nlines", "['session']"),
    "%%bash": ("%%bash\necho $PLACE", "session"),
    "%%sh": ("%%sh\necho $PLACE", "session"),
    "%pip": ("%pip --version", "pip "),
    "!pip install": ("!pip install --help", "Usage"),
    "pip install x": ("pip install --help", "Usage"),
    "ls": ("ls", "Tables"),
    "cd x": ("cd .", "/work"),
    "%matplotlib": ("%matplotlib inline", ""),
    "%env": ("%env PLACE", "'session'"),
    "%cd": ("%cd .", "/work"),
    "%pwd": ("%pwd", "/work"),
    "%ls": ("%ls", "Tables"),
    "%cat": ("!echo there > written.txt\n%cat written.txt", "there"),
    "%who": ("%who", "place"),
    "%whos": ("%whos", "'session'"),
    "%autoreload": ("%load_ext autoreload\n%autoreload 2", ""),
    "%%writefile": ("%%writefile more.txt\nx", "Wrote more.txt"),
    "name?": ("place?", "Type: str"),
    "name??": ("place??", "Type: str"),
    "%load_ext": ("%load_ext autoreload", ""),
    "%config": ("%config IPCompleter.use_jedi", ""),
    "%lsmagic": ("%lsmagic", "%livy_sql"),
    "%history": ("%history -l 1", "lsmagic"),
    "%%html": ("%%html\n<b>x</b>", "HTML object"),
    "%%javascript": ("%%javascript\n1", "Javascript object"),
    "%%script": ("%%script bash\necho $PLACE", "here"),
}
LATER = {
    "%sql": ("%%local\nframe.place[0]", "'session'"),
    "-o NAME": ("%%local\nfetched.place[0]", "'session'"),
    "%livy get": ("%%local\nlen(two)", "2"),
    "%livy put": ("two.count()", "2"),
    "%%capture": ("%%local\ntaken.stdout", "'session\\n'"),
    "%%writefile": ("open('more.txt').read()", "'x'"),
    "%load_ext": ("%%local\nany('autoreload' in name for name in get_ipython().extension_manager.loaded)", "True"),
}


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    house, folder = tmp_path_factory.mktemp("lakehouse") / "house", tmp_path_factory.mktemp("notebook")
    (folder / "other.py").write_text("place")
    with service.serving(house, ("--token", service.TOKEN)) as api:
        environ = {"FABRIC_LIVY_TARGET": api.base, "FABRIC_LIVY_TOKEN": service.TOKEN, "PLACE": "here"}
        with kernel(environ, folder, spec="fabric-livy") as running:
            running.run("%%local\nplace = 'here'")
            yield running


def test_the_page_names_what_is_run_here() -> None:
    table = PAGE.read_text(encoding="utf-8").split("## Where things run")[1].split("\n## ")[0]
    first_columns = [line.split("|")[1] for line in table.splitlines() if line.startswith("| ")]
    words = [word for column in first_columns for word in re.findall(r"`([^`]+)`", column) or [column.strip()] if word]
    assert sorted(words) == sorted(SHOWS)


@pytest.mark.parametrize("word", [*(word for word in SHOWS if word != "%%configure"), "%%configure"])
def test_it_runs_where_the_page_says(notebook: Kernel, word: str) -> None:
    if word == next(iter(SHOWS)):
        notebook.run(
            "import os\nos.environ['PLACE'] = place = 'session'\n"
            "spark.sql('SELECT \"session\" AS place').createOrReplaceTempView('place')"
        )
    code, shows = SHOWS[word]
    ran = notebook.run(code)
    assert shows in ran.text + ran.traceback, ran
    assert (ran.status == "ok") == (word != "%%sparkr"), ran
    if word in LATER:
        code, shows = LATER[word]
        assert notebook.run(code).text == shows


def test_the_language_of_a_cell_without_a_magic_can_be_changed(notebook: Kernel) -> None:
    notebook.run("%livy config language sql")
    assert notebook.run("SELECT 7 AS seven").text.splitlines()[0] == "seven"
    notebook.run("%livy config language spark")
    assert "rest: Int = 3" in notebook.run("// of Scala\nval rest = 7 % 4").text
    failed = notebook.run("val half = rest / 0")
    assert (failed.status, "/ by zero" in failed.traceback) == ("error", True)
    notebook.run("%livy config language pyspark")
    assert notebook.run("3 + 4").text == "7"
