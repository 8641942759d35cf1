"""Which language a cell of a Fabric notebook is in, and how metadata and magics name it. Pure.

A language is named in three ways. This package uses the kind of a Livy statement where there is one: pyspark, sql, spark,
sparkr; and tsql, kql, python (without Spark), configure, or the name of the magic for what no session runs. A notebook's
metadata has `language` and `language_group`. A cell's own `%%` magic, where it has one, wins over both.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# A notebook's primary language decides the suffix of its Git file and the comment mark in it.
COMMENT_MARKS = {"python": "#", "sql": "--", "scala": "//", "r": "#"}
SPARK_KERNEL, WAREHOUSE_KERNEL, JUPYTER_KERNEL = "synapse_pyspark", "sqldatawarehouse", "jupyter"

_LANGUAGE_OF_METADATA = {
    "sparksql": "sql",
    "scala": "spark",
    "r": "sparkr",
    "csharp": "csharp",
    "kusto": "kql",
    "kql": "kql",
}
_LANGUAGE_OF_PRIMARY = {"python": "pyspark", "sql": "sql", "scala": "spark", "r": "sparkr"}
_PRIMARY_OF_LANGUAGE = {"sql": "sql", "sparksql": "sql", "tsql": "sql", "scala": "scala", "r": "r", "sparkr": "r"}
_METADATA_OF_LANGUAGE = {
    "pyspark": "python",
    "python": "python",
    "sql": "sparksql",
    "spark": "scala",
    "sparkr": "r",
    "tsql": "sql",
}
# Cell magics that run their body as a cell of the notebook's own language.
WRAPPING_MAGICS = frozenset({"time", "timeit", "capture", "prun"})

_CELL_MAGIC = re.compile(r"%%(\w+)[ \t]*(.*)")


class CellMagic(NamedTuple):
    name: str
    arguments: str
    line: int
    """Counted from 0: comments and empty lines may stand before it."""


def cell_magic(source: str, comment: str = "#") -> CellMagic | None:
    """The `%%` magic that a cell begins with. The portal accepts it also after comments, a blank or a tab."""
    for number, line in enumerate(source.split("\n")):
        text = line.strip()
        if not text or text.startswith(comment):
            continue
        match = _CELL_MAGIC.fullmatch(text)
        return CellMagic(match[1], match[2], number) if match else None
    return None


def is_line_command(source: str, comment: str = "#") -> bool:
    """Whether the cell begins with a line magic or a shell command, which need no `%%` magic in a cell of any language."""
    lines = (line.strip() for line in source.split("\n"))
    first = next((line for line in lines if line and not line.startswith(comment)), "")
    return first.startswith(("%", "!")) and not first.startswith("%%")


def notebook_language(primary: str, kernel: str) -> str:
    """The language of cells that name none."""
    if kernel == WAREHOUSE_KERNEL:
        return "tsql"
    if kernel == JUPYTER_KERNEL and primary == "python":
        return "python"
    return "kql" if kernel in {"kusto", "kql"} else _LANGUAGE_OF_PRIMARY[primary]


def language_of_metadata(language: object, group: object, notebook: str) -> str | None:
    """The language that a cell's metadata name in a notebook of the language `notebook`; None for none or an unknown one.

    The kernel decides whether Python is PySpark: the group may be that of a kernel that the notebook had earlier.
    """
    word = language.lower() if isinstance(language, str) else ""
    if word == "python":
        return "python" if notebook == "python" else "pyspark"
    if word == "sql":
        return "tsql" if group == WAREHOUSE_KERNEL or notebook == "tsql" else "sql"
    return _LANGUAGE_OF_METADATA.get(word)


def primary_language(language: object) -> str | None:
    """The primary language for a language name in a notebook's metadata, such as `sparksql`."""
    word = language.lower() if isinstance(language, str) else ""
    return "python" if word in {"python", "pyspark", "ipython"} else _PRIMARY_OF_LANGUAGE.get(word)


def language_metadata(language: str, primary: str, kernel: str) -> dict[str, str]:
    """`language` and `language_group` in the portal's words; the notebook's for a language without a name there (configure)."""
    word = _METADATA_OF_LANGUAGE.get(language) or _METADATA_OF_LANGUAGE[notebook_language(primary, kernel)]
    return {"language": word, "language_group": language_group(kernel)}


def language_group(kernel: str) -> str:
    return {JUPYTER_KERNEL: "jupyter_python", WAREHOUSE_KERNEL: WAREHOUSE_KERNEL}.get(kernel, SPARK_KERNEL)


def with_magic_first(source: str, magic: CellMagic) -> str:
    """For a Jupyter kernel: the magic on the first line, what stood before it dropped, all other lines at their numbers."""
    lines = source.split("\n")
    first = f"%%{magic.name} {magic.arguments}".rstrip()
    if magic.line == 0:
        first = lines[0].lstrip()
    return "\n".join([first, *[""] * magic.line, *lines[magic.line + 1 :]])
