"""Which part of a kernel's cell runs where."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.cells.kernel_cells import Step, kind_of_cell, read_kernel_cell
from fabric_livy_magic.notebooks.ipython_syntax import as_python

PIP = "get_ipython().run_line_magic('pip', '{}')"


def remote(code: str) -> Step:
    return Step("livy_pyspark", "", code)


def here(code: str) -> Step:
    return Step(body=code)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("x = 1\nx", [remote("x = 1\nx")]),
        ("%%sql\nSELECT 1", [Step("livy_sql", "", "SELECT 1")]),
        ("%%sql -o df -n 5\nSELECT 1\n", [Step("livy_sql", "-o df -n 5", "SELECT 1\n")]),
        ("%%sql \n\n-- why\nSELECT 1", [Step("livy_sql", "", "\n-- why\nSELECT 1")]),
        ("\n  \n# a comment\n\t%%sql\nSELECT 1", [Step("livy_sql", "", "SELECT 1")]),
        ("-- SQL's own comment\n%%pyspark\nx", [remote("x")]),
        ("%%pyspark\nx = 2", [remote("x = 2")]),
        ("%%spark\nval x = 1", [Step("livy_spark", "", "val x = 1")]),
        ("%%sparkr\n1 + 1", [Step("livy_sparkr", "", "1 + 1")]),
        ("%%livy_pyspark --plain\nx", [Step("livy_pyspark", "--plain", "x")]),
        ('%%configure -f\n{"conf": {}}', [Step("livy_configure", "-f", '{"conf": {}}')]),
        ("%%local\nimport os\nos.name", [here("import os\nos.name")]),
        ("# note\n%%local\n1", [here("1")]),
        ("%livy status", [Step("livy", "status")]),
        ("%livy start --conf a=b\nx = 1", [Step("livy", "start --conf a=b"), remote("x = 1")]),
        ("x = 1\n%livy status\ny = 2\n", [remote("x = 1\n"), Step("livy", "status"), remote("y = 2\n")]),
        ("%load_ext autoreload\nx", [here("%load_ext autoreload\n"), remote("x")]),
        ("# where\n%livy use local\n# done", [Step("livy", "use local")]),
        ("%logstart", [here("%logstart\n")]),
        ("%%html\n<b>x</b>", [here("%%html \n<b>x</b>")]),
        ("%%capture out\nx", [here("%%capture out\nx")]),
        ("%%local import os\nos.name", [here("import os\nos.name")]),
        ("%sql SELECT 1", [Step("livy_sql", "SELECT 1")]),
        ("df = %livy_sql SELECT 1", [here("df = get_ipython().run_line_magic('livy_sql', 'SELECT 1')\n")]),
        ("df = %sql SELECT 1", [here("df = get_ipython().run_line_magic('livy_sql', 'SELECT 1')\n")]),
        ("%pip install x\nimport x", [remote("get_ipython().run_line_magic('pip', 'install x')\nimport x")]),
        ("pip install x", [remote("get_ipython().run_line_magic('pip', 'install x')\n")]),
        (
            "# why\npip install -q x \\\n  y\n",
            [remote("# why\nget_ipython().run_line_magic('pip', 'install -q x    y')\n")],
        ),
        ("pip install x\npip list", [remote(f"{PIP.format('install x')}\n{PIP.format('list')}\n")]),
        ("rm -rf x", [remote("get_ipython().run_line_magic('rm', '-rf x')\n")]),
        ("pip -V", [remote("(pip -V) if 'pip' in globals() else get_ipython().run_line_magic('pip', '-V')\n")]),
        ("cd /tmp", [remote("(cd /tmp) if 'cd' in globals() else get_ipython().run_line_magic('cd', '/tmp')\n")]),
        ("pip = 1", [remote("pip = 1")]),
        ("pip.main()", [remote("pip.main()")]),
        ("x = 1\npip install x", [remote("x = 1\npip install x")]),
        ("time - 1\ntime", [remote("time - 1\ntime")]),
        ("%%pyspark\n%pip install x\ny", [remote("get_ipython().run_line_magic('pip', 'install x')\ny")]),
        ("%%pyspark -o z\n!ls\nz", [Step("livy_pyspark", "-o z", "get_ipython().system('ls')\nz")]),
        ("%%pyspark\n%livy status\nx", [Step("livy", "status"), remote("x")]),
        ("!ls *.csv", [remote("get_ipython().system('ls *.csv')\n")]),
        ("files = !ls\nlen(files)", [remote("files = get_ipython().getoutput('ls')\nlen(files)")]),
        ("%time spark.range(3).count()", [remote("get_ipython().run_line_magic('time', 'spark.range(3).count()')\n")]),
        ("%matplotlib inline\nplot()", [remote("get_ipython().run_line_magic('matplotlib', 'inline')\nplot()")]),
        ("df?", [remote("get_ipython().run_line_magic('pinfo', 'df')\n")]),
        ("if x:\n    !ls", [remote("if x:\n    get_ipython().system('ls')\n")]),
        ("text = '''\n%livy status\n'''", [remote("text = '''\n%livy status\n'''")]),
        ("x = 7 \\\n% 3", [remote("x = 7 \\\n% 3")]),
        ("  x = 1\n  x", [remote("x = 1\nx")]),
        ('x =%"""', [remote('x =%"""')]),
        ("this is no Python", [remote("this is no Python")]),
        ("%ls -a", [remote("get_ipython().run_line_magic('ls', '-a')\n")]),
        ("%%writefile a.txt\nx", [remote("get_ipython().run_cell_magic('writefile', 'a.txt', 'x')")]),
        ("%%bash\nls", [remote("get_ipython().run_cell_magic('bash', '', 'ls')")]),
        ("", [here("")]),
        ("# only a comment", [remote("# only a comment")]),
    ],
)
def test_each_step_of_a_cell_runs_where_it_belongs(text: str, steps: list[Step]) -> None:
    cell = read_kernel_cell(text, "pyspark")
    assert list(cell.steps) == steps
    assert not cell.is_timed


@pytest.mark.parametrize(("names", "value"), [({}, "magic"), ({"pip": 3, "V": 1}, 2)])
def test_a_variable_comes_before_a_magic_without_its_mark(names: dict[str, object], value: object) -> None:
    shell = SimpleNamespace(run_line_magic=lambda name, line: "magic")
    (step,) = read_kernel_cell("pip -V", "pyspark").steps
    assert eval(step.body or "", {**names, "get_ipython": lambda: shell}) == value


def test_a_timed_cell_is_any_other_cell_that_is_timed() -> None:
    cell = read_kernel_cell("%%time\n%%sql\nSELECT 1", "pyspark")
    assert (cell.steps, cell.is_timed) == ((Step("livy_sql", "", "SELECT 1"),), True)
    assert read_kernel_cell("%%time x = 1\ny = 2", "pyspark").steps == (remote("x = 1\ny = 2"),)


def test_a_timed_cell_that_runs_here_is_timed_by_ipython_itself() -> None:
    cell = read_kernel_cell("%%time\n%%local\nx", "pyspark")
    assert (cell.local_code, cell.is_timed, cell.has_local_magic) == ("%%time\nx", False, True)
    assert not read_kernel_cell("%%time\n%%html\n<b>", "pyspark").has_local_magic


@pytest.mark.parametrize(
    ("language", "text", "steps"),
    [
        ("sql", "SELECT 7 % 3", [Step("livy_sql", "", "SELECT 7 % 3")]),
        ("sql", "%livy status\nSELECT 1", [Step("livy", "status"), Step("livy_sql", "", "SELECT 1")]),
        ("sql", "-- how much\nSELECT 1", [Step("livy_sql", "", "-- how much\nSELECT 1")]),
        ("sql", "!ls", [remote("get_ipython().system('ls')\n")]),
        ("sql", "%%pyspark\nx", [remote("x")]),
        ("spark", "val x = 7 % 3", [Step("livy_spark", "", "val x = 7 % 3")]),
        ("spark", "// why\n%%sql\nSELECT 1", [Step("livy_sql", "", "SELECT 1")]),
        ("sparkr", "x <- 5 %% 2", [Step("livy_sparkr", "", "x <- 5 %% 2")]),
    ],
)
def test_a_cell_without_a_magic_is_of_the_notebooks_language(language: str, text: str, steps: list[Step]) -> None:
    assert list(read_kernel_cell(text, language).steps) == steps


def test_the_kind_of_a_timed_or_captured_cell_is_that_of_the_cell_within() -> None:
    assert kind_of_cell("%%time\n%%sql\nSELECT 1", "pyspark") == ("sql", 13)
    assert kind_of_cell("%%capture out\nx", "pyspark") == ("pyspark", 14)
    assert kind_of_cell("%%capture out\n%%local\nx", "pyspark")[0] is None


PIECES = st.sampled_from(
    [
        "x = 1",
        "%livy status",
        "%pip list",
        "!ls",
        "'",
        '"""',
        "(",
        ")",
        "%%sql",
        "\\",
        "if x:",
        "    y",
        "#",
        "",
        "é",
        "%",
        "?",
        "\x00",
    ]
)


@given(st.lists(PIECES, max_size=8), st.sampled_from(["pyspark", "sql", "spark", "sparkr"]))
def test_any_text_is_read_and_none_of_it_is_lost(pieces: list[str], language: str) -> None:
    text = "\n".join(pieces)
    steps = read_kernel_cell(text, language).steps
    kept = "".join((step.body or "") + step.line + step.magic for step in steps)
    assert all(word in kept for word in ("x = 1", "é") if word in text and not text.lstrip().startswith(("%%", "#")))
    begin = kind_of_cell(text, language)[1]
    assert 0 <= begin <= len(text)


@given(st.text(st.sampled_from("ab%!?'\"\\\n ()=#")))
def test_python_keeps_its_lines(code: str) -> None:
    assert as_python(code).count("\n") in {code.count("\n"), code.count("\n") + 1} or "\\\n" in code


@pytest.mark.parametrize("text", ["%md\n# title", "# first\n%fs ls /", "%%md\n# title", "%sh ls"])
def test_a_magic_of_databricks_is_refused_with_fabric_s_word_for_it(text: str) -> None:
    (step,) = read_kernel_cell(text, "pyspark").steps
    assert (step.magic, "is no magic here: in Fabric this is" in step.line) == ("refused", True)
