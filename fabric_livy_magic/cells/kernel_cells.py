"""What a cell of the Fabric Livy kernel is made of: steps for the session, and steps for the notebook's own Python.

Pure. A cell without a magic is code of the notebook's language. A magic counts wherever it is the first thing in the
cell that is no comment and no blank line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fabric_livy_magic.notebooks.ipython_syntax import LINE_MAGIC, Piece, as_python, pieces
from fabric_livy_magic.notebooks.portal import FOREIGN_MAGICS

# Of Fabric, and of other notebooks over Livy → ours.
MAGICS = {
    "pyspark": "livy_pyspark",
    "spark": "livy_spark",
    "scala": "livy_spark",
    "sql": "livy_sql",
    "sparksql": "livy_sql",
    "sparkr": "livy_sparkr",
    "configure": "livy_configure",
}
REFUSED = "refused"  # its line says why
# Of Databricks, but for those that have a meaning here.
FOREIGN = {"%md", "%%md", "%fs", "%sh", "%python", "%r"}
RUN = "run"  # another notebook: the kernel reads its cells
OURS = {"livy", RUN, *MAGICS.values()}
# About code, so they run where the code runs: in the session, by its agent (remote/agent/magics.py).
IN_SESSION = {
    "pip",
    "conda",
    "time",
    "timeit",
    "matplotlib",
    "pinfo",
    "pinfo2",
    "env",
    "set_env",
    "cd",
    "pwd",
    "who",
    "whos",
    "ls",
    "cat",
    "cp",
    "mkdir",
    "mv",
    "rm",
    "rmdir",
}
CELLS_IN_SESSION = {"timeit", "bash", "sh", "writefile"}

_COMMENT = re.compile(r"\s*(#|--|//)")
_CELL_MAGIC = re.compile(r"%%([A-Za-z_]\w*)[^\S\n]*(.*)")
_LINE_MAGIC = re.compile(r"%([A-Za-z_]\w*)[^\S\n]*(.*)")


@dataclass(frozen=True)
class Step:
    """`magic` is one of ours with its line and body (None: a line magic); empty for Python that runs here."""

    magic: str = ""
    line: str = field(default="", repr=False)
    body: str | None = field(default=None, repr=False)

    @property
    def is_here(self) -> bool:
        return not self.magic


@dataclass(frozen=True)
class NotebookCell:
    """`is_local`: of `%%local`, so that what its magics run in their turn runs here, too."""

    steps: tuple[Step, ...]
    is_timed: bool = False
    is_local: bool = False

    @property
    def here(self) -> str | None:
        """The cell's code, where all of it runs here."""
        if self.is_timed or not all(step.is_here for step in self.steps):
            return None
        return "\n".join(step.body or "" for step in self.steps)


def read_notebook_cell(text: str, language: str) -> NotebookCell:
    """`language` is that of a cell without a magic: pyspark, sql, spark, sparkr."""
    if told := foreign_word(text):
        return NotebookCell((Step(REFUSED, told, ""),))
    magic, line, body = first_magic(text)
    if magic == "time":
        timed = read_notebook_cell(f"{line}\n{body}", language)
        if timed.here is not None:  # IPython's own magic can do more: it shows the value, and the time of the processor
            return NotebookCell((Step(body=f"%%time\n{timed.here}"),), is_local=timed.is_local)
        return NotebookCell(timed.steps, is_timed=True)
    if magic == "local":
        return NotebookCell((Step(body=f"{line}\n{body}" if line else body),), is_local=True)
    if magic in CELLS_IN_SESSION:
        return NotebookCell((Step("livy_pyspark", "", f"get_ipython().run_cell_magic({magic!r}, {line!r}, {body!r})"),))
    if magic:
        ours = MAGICS.get(magic, magic)
        if ours in OURS:
            return NotebookCell((Step(ours, line, body),))
        return NotebookCell((Step(body=f"%%{magic} {line}\n{body}"),))
    if not text.strip():
        return NotebookCell((Step(body=""),))
    return NotebookCell(tuple(_python_steps(text) if language == "pyspark" else _other_steps(text, language)))


def foreign_word(text: str) -> str:
    """What to say of a cell that begins with another product's magic; empty where it does not."""
    first = next((line for line in text.splitlines() if line.strip() and not _COMMENT.match(line)), "")
    word = next(iter(first.split()), "")
    if word not in FOREIGN:
        return ""
    return f"{word} is no magic here: in Fabric this is {FOREIGN_MAGICS[word]}."


KIND_OF_MAGIC = {"livy_pyspark": "pyspark", "livy_spark": "spark", "livy_sql": "sql", "livy_sparkr": "sparkr"}


def kind_of_cell(text: str, language: str | None) -> tuple[str | None, int]:
    """(kind, where its code begins); None for the notebook's own Python. `language` is that of a cell without a magic."""
    magic, _, body = first_magic(text)
    if magic in {"time", "capture"}:
        kind, begin = kind_of_cell(body, language)
        return kind, len(text) - len(body) + begin
    if magic:
        return KIND_OF_MAGIC.get(MAGICS.get(magic, magic)), len(text) - len(body)
    return language, 0


def first_magic(text: str) -> tuple[str, str, str]:
    """(name, line, body) of the cell magic that the text begins with; empty where there is none."""
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if found := _CELL_MAGIC.match(line.strip()):
            return found[1], found[2].strip(), "".join(lines[number + 1 :])
        if line.strip() and not _COMMENT.match(line):
            break
    return "", "", ""


def _python_steps(text: str) -> list[Step]:
    found = pieces(as_python(text))
    steps: list[Step] = []
    code = ""
    for piece in [*found, Piece("", "end")]:
        if not piece.magic or piece.magic in IN_SESSION:
            code += piece.code
            continue
        if any(not _COMMENT.match(line) for line in code.splitlines() if line.strip()) or (code and len(found) == 1):
            steps.append(Step("livy_pyspark", "", code))
        code = ""
        if piece.code:
            steps.append(_assigned(piece) if piece.is_assigned else _line_step(piece.magic, piece.line))
    return steps


def _assigned(piece: Piece) -> Step:
    """`frame = %sql SELECT 1`: into a variable of this Python."""
    ours = MAGICS.get(piece.magic, piece.magic)
    return Step(body=piece.code.replace(f"{LINE_MAGIC}({piece.magic!r}", f"{LINE_MAGIC}({ours!r}", 1))


def _line_step(magic: str, line: str) -> Step:
    ours = MAGICS.get(magic, magic)
    return Step(ours, line) if ours in OURS else Step(body=f"%{magic} {line}".rstrip() + "\n")


def _other_steps(text: str, language: str) -> list[Step]:
    """Line magics can only stand at the beginning: `%` in the middle may be the language's own."""
    steps: list[Step] = []
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if found := _LINE_MAGIC.match(line.strip()):
            steps += _python_steps(line) if found[1] in IN_SESSION else [_line_step(found[1], found[2].strip())]
        elif line.startswith("!"):
            steps += _python_steps(line)
        elif line.strip():
            return [*steps, Step(f"livy_{language}", "", "".join(lines[number:]))]
    return steps
