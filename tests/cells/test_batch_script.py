"""What a notebook becomes as the script of a batch, and what is refused."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.cells.batch_script import is_notebook, script_of_cell, script_of_notebook
from fabric_livy_magic.errors import NotebookError, SettingsError

NOTEBOOKS = Path(__file__).parents[1] / "fifty_notebooks"
BEGINS = "# The notebook's cells follow.\n"


def cells_of(script: str) -> str:
    return script.partition(BEGINS)[2].strip()


def test_a_notebook_is_its_cells_one_below_the_other(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    folder = tmp_path / "Report.Notebook"
    folder.mkdir()
    (tmp_path / "more.Notebook").mkdir()
    begin = "# Fabric notebook source\n\n# METADATA ********************\n\n# META {}\n\n"
    cell = "# CELL ********************\n\n"
    (tmp_path / "more.Notebook" / "notebook-content.py").write_text(f"{begin}{cell}shared = 1\n", encoding="utf-8")
    parts = (
        '# MAGIC %%configure\n# MAGIC {"conf": {"spark.x": "1"}}',
        "from __future__ import annotations\nimport sys\ndf = spark.range(3)  # ä\ndf",
        "%run more",
        "# MAGIC %%sql\n# MAGIC SELECT 'it''s' AS a, :shared AS b; -- last\n# MAGIC SELECT 2",
        "%matplotlib inline\nx = 1;\nx;",
        "# a comment alone",
    )
    text = begin + "".join(f"{cell}{part}\n\n" for part in parts)
    (folder / "notebook-content.py").write_text(text, encoding="utf-8")
    script = script_of_notebook(folder)
    ast.parse(script.text)
    assert [re.sub(r"\s", "", one) for one in script.configurations] == ['{"conf":{"spark.x":"1"}}']
    assert script.left_out == ("%matplotlib inline",)
    golden("batch_script.py.txt", script.text)


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("!ls", "it runs a command or a magic within its code"),
        ("if True:\n    !ls", "it runs a command or a magic within its code"),
        ("files = !ls", "it runs a command or a magic within its code"),
        ("%pip install x", "%pip: a batch takes its packages from an environment"),
        ("%%local\n1", "%%local: a batch is a plain Python program"),
        ("%%spark\nval x = 1", "it is Scala"),
        ("%%sparkr\nx <- 1", "it is SparkR"),
        ("%%bash\nls", "it runs a command or a magic within its code"),
        ("x = = 1", "it is no Python that a program may have"),
        ("%%sql --nope\nSELECT 1", "there is no option '--nope'"),
        ("%run nothing", "There is no notebook 'nothing'"),
        ("%lsmagic", "%lsmagic: a batch is a plain Python program"),
    ],
)
def test_what_a_batch_cannot_do_is_refused_with_its_cell(cell: str, says: str) -> None:
    with pytest.raises(NotebookError) as raised:
        script_of_cell(cell)
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("cell", "is_"),
    [
        ("1 + 1", "display(1 + 1)"),
        ("x = 1\n(x\n + 1)", "x = 1\ndisplay((x\n + 1))"),
        ("1;", "1;"),
        ("a = 1; a  # ö", "a = 1; display(a)  # ö"),
        ("'ö'.join('ab')", "display('ö'.join('ab'))"),
        ("%livy use local\nx = 2", '# left out: "%livy use local"\nx = 2'),
        ("%%sql -q\nSET a=1", "run_sql('SET a=1')"),
        ("%%sql -o kept\nSELECT 1", "kept = run_sql('SELECT 1').toPandas()"),
        ("%%sql -p day='1'+'2'\nSELECT :day", "display(run_sql('SELECT :day', day='1'+'2'))"),
        ("%%livy_pyspark -o kept\nspark.range(3)", "kept = (spark.range(3))"),
    ],
)
def test_a_cell_becomes(cell: str, is_: str) -> None:
    assert cells_of(script_of_cell(cell).text) == f"# ---- cell 1\n{is_}"


@given(st.text(st.characters(codec="utf-8", exclude_characters=":;"), min_size=1))
def test_no_text_of_sql_becomes_code(text: str) -> None:
    try:
        script = script_of_cell(f"%%sql\nSELECT '{text}'").text
    except (NotebookError, SettingsError):
        return
    tree = ast.parse(cells_of(script))
    for node in tree.body:
        assert ast.unparse(node).startswith("display(run_sql(")


def test_which_paths_are_notebooks(tmp_path: Path) -> None:
    (tmp_path / "x.Notebook").mkdir()
    assert is_notebook(tmp_path / "x.Notebook")
    assert is_notebook(Path("a.ipynb"))
    assert is_notebook(Path("x.Notebook/notebook-content.py"))
    assert not is_notebook(Path("a.py"))


def test_the_fifty_notebooks_become_scripts_or_are_refused_with_a_reason() -> None:
    refusals = []
    notebooks = sorted(NOTEBOOKS.rglob("*.Notebook"))
    for one in notebooks:
        try:
            ast.parse(script_of_notebook(one).text)
        except NotebookError as error:
            refusals.append(str(error))
    assert 0 < len(refusals) < len(notebooks) / 2
    assert all(re.search(r"cell \d+", one) for one in refusals)
