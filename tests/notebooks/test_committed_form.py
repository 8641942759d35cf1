"""Git format → `.ipynb` → Git format: the bytes of a committed notebook come back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from fabric_livy_magic.errors import NotebookError
from fabric_livy_magic.notebooks.committed_form import with_committed_form, write_committed
from fabric_livy_magic.notebooks.git_format import SUFFIXES, read_git
from fabric_livy_magic.notebooks.ipynb import read_ipynb, write_ipynb
from fabric_livy_magic.notebooks.model import Notebook, with_portal_metadata
from tests.notebooks.test_any_notebook import NOTEBOOK, TEXT
from tests.notebooks.test_git_format import STRANGE
from tests.support.notebook_samples import COMMITTED, STARS, code_part, git_text, meta_part, text_of

SPARK = '{\n  "kernel_info": {\n    "name": "synapse_pyspark"\n  }\n}'
PYTHON = '{\n  "language": "python",\n  "language_group": "synapse_pyspark"\n}'
KINDS = {
    "text after the first words": git_text(meta_part(SPARK), code_part("1"), first="# Fabric notebook source - load"),
    "no metadata below a cell": git_text(meta_part(SPARK), code_part("1"), code_part("2"), meta_part(PYTHON)),
    "a magic below a comment": git_text(
        meta_part(SPARK), code_part("# MAGIC # rows\n# MAGIC %%sql\n# MAGIC SELECT 1"), meta_part(PYTHON)
    ),
    "a bare magic after a tab": git_text(meta_part(SPARK), code_part("\t%%sql\nSELECT 1"), meta_part(PYTHON)),
    "keys in another order": git_text(
        meta_part(SPARK),
        code_part("1"),
        meta_part('{\n  "frozen": true,\n  "language_group": "synapse_pyspark",\n  "language": "python"\n}'),
    ),
    "metadata of nobody": git_text(meta_part('{"trident": {"a": 1}, "kernel_info": {"name": "x"}}'), code_part("1")),
    "tags that are no texts": git_text(meta_part(SPARK), code_part("1"), meta_part('{"tags": [1, "a"]}')),
    "images below code": git_text(
        meta_part(SPARK), code_part("1"), meta_part(PYTHON), meta_part('{"a": {}}', "ATTACHMENTS", "ATTA")
    ),
    "no line break at the end": git_text(meta_part(SPARK), code_part("1"), meta_part(PYTHON)).rstrip("\n"),
    "many line breaks at the end": git_text(meta_part(SPARK), code_part("1"), meta_part(PYTHON)) + "\n\n\n",
    "no metadata at all and no cell": "# Fabric notebook source\n\n",
}
TEXTS = {**KINDS, **STRANGE, **{path.parent.stem: text_of(path) for path in COMMITTED}}


def exported(text: str, suffix: str = ".py") -> str:
    """As `fabric-livy convert` makes an `.ipynb` of it."""
    return write_ipynb(with_committed_form(with_portal_metadata(read_git(text, suffix))))


def committed_again(ipynb: str) -> str:
    return write_committed(with_portal_metadata(read_ipynb(ipynb)))


@pytest.mark.parametrize("name", TEXTS)
def test_the_bytes_of_a_committed_notebook_come_back_from_an_ipynb(name: str) -> None:
    mark = TEXTS[name].removeprefix("\ufeff").split(" ")[0]
    suffix = {"--": ".sql", "//": ".scala"}.get(mark, ".r" if name == "sparkr" else ".py")
    if not read_git(TEXTS[name], suffix).problems:  # `convert` says what they are
        assert committed_again(exported(TEXTS[name], suffix)) == TEXTS[name]


def test_what_the_portal_writes_needs_no_text_of_ours() -> None:
    for path in COMMITTED:
        assert "fabric_git" not in exported(text_of(path), path.suffix)


def test_it_comes_back_when_jupyter_has_saved_it() -> None:
    ipynb = json.loads(exported(KINDS["text after the first words"]))
    ipynb["metadata"]["language_info"] = {"name": "python", "version": "3.11", "pygments_lexer": "ipython3"}
    ipynb["metadata"]["widgets"] = {}
    ipynb["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1"}]
    assert committed_again(json.dumps(ipynb)) == KINDS["text after the first words"]


def test_a_cell_that_was_changed_is_written_as_the_portal_does_and_the_others_stay() -> None:
    text = git_text(meta_part(SPARK), code_part("1"), code_part("2"), first="# Fabric notebook source by hand")
    ipynb = json.loads(exported(text))
    ipynb["cells"][1]["source"] = "3"
    ipynb["metadata"]["dependencies"] = {"lakehouse": {"default_lakehouse_name": "Rye"}}
    again = read_git(changed := committed_again(json.dumps(ipynb)))
    assert [cell.source for cell in again.cells] == ["1", "3"]
    assert [cell.metadata.get("language") for cell in again.cells] == [None, "python"]
    assert (again.preamble, again.default_lakehouse and again.default_lakehouse.name) == (" by hand", "Rye")
    assert changed.startswith("# Fabric notebook source by hand\n")


def test_a_cell_can_move_to_another_notebook() -> None:
    cell = json.loads(exported(STRANGE["no empty lines"]))["cells"][2]
    other = json.loads(exported("-- Fabric notebook source\n\n" + code_part("SELECT 1", mark="--")))
    other["cells"].append(cell)
    again = read_git(committed_again(json.dumps(other)), ".sql")
    assert [one.source for one in again.cells] == ["SELECT 1", "2"]


@pytest.mark.parametrize("kept", [3, {"text": 3}, {"text": "no notebook"}, {"text": f"# CELL {STARS}\n\n666\n"}])
def test_text_that_does_not_say_what_the_cell_says_is_ignored(kept: object) -> None:
    ipynb = json.loads(exported(git_text(meta_part(SPARK), code_part("1"), meta_part(PYTHON))))
    ipynb["cells"][0]["metadata"]["fabric_git"] = ipynb["metadata"]["fabric_git"] = kept
    assert [cell.source for cell in read_git(committed_again(json.dumps(ipynb))).cells] == ["1"]


@given(NOTEBOOK.filter(lambda one: one.primary == "python"), TEXT, st.sampled_from(["\n", "\r\n"]), st.data())
@example(Notebook(), "", "\n", None)
def test_any_file_without_problems_comes_back(
    notebook: Notebook, preamble: str, line_end: str, data: st.DataObject | None
) -> None:
    text = write_committed(replace(notebook, preamble=preamble))
    lines = text.split("\n")
    if data:
        for _ in range(data.draw(st.integers(0, 4))):
            number = data.draw(st.integers(0, len(lines)))
            if data.draw(st.booleans()):
                lines.insert(number, data.draw(st.sampled_from(["", "x", f"# CELL {STARS}", "# MAGIC %%sql"])))
            elif number < len(lines):
                del lines[number]
    text = line_end.join(lines)
    try:
        read = read_git(text, SUFFIXES["python"])
    except NotebookError:
        assume(False)
    assume(not read.problems)
    assert committed_again(exported(text)) == text
