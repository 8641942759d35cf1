"""A cell of the Fabric Livy kernel as steps: some run on the session, others in the kernel's own Python.

Pure. A cell without a magic is code of the notebook's language. A cell magic may follow comments and blank lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fabric_livy_magic.cells import other_products
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.notebooks.ipython_syntax import AUTOMAGICS, LINE_MAGIC, Piece, as_python, split_line_magics

# Magics of Fabric and of other notebooks over Livy → those of this package.
MAGIC_ALIASES = {
    "pyspark": "livy_pyspark",
    "spark": "livy_spark",
    "scala": "livy_spark",
    "sql": "livy_sql",
    "sparksql": "livy_sql",
    "sparkr": "livy_sparkr",
    "configure": "livy_configure",
}
REFUSED = "refused"  # the step's line is the message
RUN = "run"  # the kernel runs the cells of another notebook
PACKAGE_MAGICS = {"livy", RUN, *MAGIC_ALIASES.values()}
# They act on code or its environment, so they run on the session, by the agent (agent/remote/agent/magics.py).
LINE_MAGICS_IN_SESSION = {*AUTOMAGICS, "matplotlib", "matplot", "pinfo", "pinfo2", "autoreload"}
CELL_MAGICS_IN_SESSION = {"timeit", "bash", "sh", "writefile"}

_COMMENT = re.compile(r"\s*(#|--|//)")
_CELL_MAGIC = re.compile(r"%%([A-Za-z_]\w*)[^\S\n]*(.*)")
_ANY_MAGIC = re.compile(r"(%%?)([A-Za-z_]\w*)[^\S\n]*(.*)")
_LINE_MAGIC = re.compile(r"%([A-Za-z_]\w*)[^\S\n]*(.*)")


@dataclass(frozen=True)
class Step:
    """`magic` is one of PACKAGE_MAGICS with its line and body (None: a line magic); empty for Python in the kernel's process."""

    magic: str = ""
    line: str = field(default="", repr=False)
    body: str | None = field(default=None, repr=False)

    @property
    def is_local(self) -> bool:
        return not self.magic


@dataclass(frozen=True)
class KernelCell:
    """`has_local_magic`: the cell is a `%%local` one, so code that its magics run stays in the kernel's process, too."""

    steps: tuple[Step, ...]
    is_timed: bool = False
    has_local_magic: bool = False

    @property
    def local_code(self) -> str | None:
        """The cell's code, where all of it runs in the kernel's process."""
        if self.is_timed or not all(step.is_local for step in self.steps):
            return None
        return "\n".join(step.body or "" for step in self.steps)


def read_kernel_cell(text: str, language: str) -> KernelCell:
    """`language` is that of a cell without a magic: pyspark, sql, spark, sparkr."""
    if other := _cell_of_other_product(text, language):
        return other
    magic, line, body = first_magic(text)
    if magic == "time":
        timed = read_kernel_cell(f"{line}\n{body}", language)
        if timed.local_code is not None:  # IPython's own magic also shows the value and the CPU time
            return KernelCell((Step(body=f"%%time\n{timed.local_code}"),), has_local_magic=timed.has_local_magic)
        return KernelCell(timed.steps, is_timed=True)
    if magic == "local":
        return KernelCell((Step(body=f"{line}\n{body}" if line else body),), has_local_magic=True)
    if magic in CELL_MAGICS_IN_SESSION:
        return KernelCell((Step("livy_pyspark", "", f"get_ipython().run_cell_magic({magic!r}, {line!r}, {body!r})"),))
    if magic:
        own_magic = MAGIC_ALIASES.get(magic, magic)
        if own_magic == "livy_pyspark" and not line:
            return KernelCell(tuple(_python_steps(body)) or (Step(own_magic, line, body),))
        if own_magic in PACKAGE_MAGICS:
            return KernelCell((Step(own_magic, line, as_python(body) if own_magic == "livy_pyspark" else body),))
        return KernelCell((Step(body=f"%%{magic} {line}\n{body}"),))
    if not text.strip():
        return KernelCell((Step(body=""),))
    return KernelCell(tuple(_python_steps(text) if language == "pyspark" else _steps_of_other_language(text, language)))


def _cell_of_other_product(text: str, language: str) -> KernelCell | None:
    """A cell that begins with a magic of sparkmagic or Databricks."""
    lines = text.splitlines(keepends=True)
    number = next((n for n, line in enumerate(lines) if line.strip() and not _COMMENT.match(line)), None)
    match = None if number is None else _ANY_MAGIC.fullmatch(lines[number].strip())
    if number is None or match is None:
        return None
    signs, name, line = match.groups()
    body = "".join(lines[number + 1 :])
    if message := other_products.refusal(f"{signs}{name}", line or body):
        return KernelCell((Step(REFUSED, message, ""),))
    if signs == "%%":
        if name == "pretty":
            return read_kernel_cell(body, language)
        try:
            subcommand = other_products.subcommand(name, line)
        except SettingsError as error:
            return KernelCell((Step(REFUSED, str(error), ""),))
        return KernelCell((Step("livy", subcommand),)) if subcommand else None
    if name in {"python", "r"} or (name in other_products.CELL_LANGUAGES and body.strip() and not line):
        code = f"{line}\n{body}" if line else body
        return read_kernel_cell(f"%%{other_products.CELL_LANGUAGES[name]}\n{code}", language)
    return None


KIND_OF_MAGIC = {"livy_pyspark": "pyspark", "livy_spark": "spark", "livy_sql": "sql", "livy_sparkr": "sparkr"}


def kind_of_cell(text: str, language: str | None) -> tuple[str | None, int]:
    """(statement kind, offset of its code); the kind is None for Python in the kernel's process, `language` without a magic."""
    magic, _, body = first_magic(text)
    if magic in {"time", "capture"}:
        kind, start = kind_of_cell(body, language)
        return kind, len(text) - len(body) + start
    if magic:
        return KIND_OF_MAGIC.get(MAGIC_ALIASES.get(magic, magic)), len(text) - len(body)
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
    pieces = split_line_magics(as_python(text))
    steps: list[Step] = []
    code = ""
    for piece in [*pieces, Piece("", "end")]:
        if not piece.magic or piece.magic in LINE_MAGICS_IN_SESSION:
            code += piece.code
            continue
        if any(not _COMMENT.match(line) for line in code.splitlines() if line.strip()) or (code and len(pieces) == 1):
            steps.append(Step("livy_pyspark", "", code))
        code = ""
        if piece.code:
            steps.append(_assignment_step(piece) if piece.is_assigned else _line_magic_step(piece.magic, piece.line))
    return steps


def _assignment_step(piece: Piece) -> Step:
    """`frame = %sql SELECT 1`: the kernel's Python runs the magic and assigns its value."""
    own_magic = MAGIC_ALIASES.get(piece.magic, piece.magic)
    return Step(body=piece.code.replace(f"{LINE_MAGIC}({piece.magic!r}", f"{LINE_MAGIC}({own_magic!r}", 1))


def _line_magic_step(magic: str, line: str) -> Step:
    own_magic = MAGIC_ALIASES.get(magic, magic)
    return Step(own_magic, line) if own_magic in PACKAGE_MAGICS else Step(body=f"%{magic} {line}".rstrip() + "\n")


def _steps_of_other_language(text: str, language: str) -> list[Step]:
    """Line magics are read at the beginning only: further down `%` may be an operator of the language."""
    steps: list[Step] = []
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if match := _LINE_MAGIC.match(line.strip()):
            steps += (
                _python_steps(line)
                if match[1] in LINE_MAGICS_IN_SESSION
                else [_line_magic_step(match[1], match[2].strip())]
            )
        elif line.startswith("!"):
            steps += _python_steps(line)
        elif line.strip():
            return [*steps, Step(f"livy_{language}", "", "".join(lines[number:]))]
    return steps
