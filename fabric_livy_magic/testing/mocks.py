"""Mocks that a test makes, over those of a folder: answers for its notebooks and its session. docs/mocks.md says what each may have."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fabric_livy_magic.frames.conversion import to_arrow
from fabric_livy_magic.frames.sample_files import write_rows
from fabric_livy_magic.notebooks.mocks import USED_VARIABLE, MockUse, read_used

FOLDERS_VARIABLE = "FABRIC_LIVY_MOCKS"
FILE = "mocks.json"


class Mocks:
    """In `folder`, which is the test's own. What was mocked later counts before what was mocked earlier, and all of it before `shared`,
    the folders of the repository."""

    def __init__(self, folder: Path, shared: Sequence[Path]) -> None:
        self.folder = folder
        self._shared = tuple(shared)
        self._content: dict[str, Any] = {}
        self._frames = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._write()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r})"

    @property
    def environ(self) -> dict[str, str]:
        """What sessions are started with that have these mocks."""
        folders = os.pathsep.join(map(str, (self.folder, *self._shared)))
        return {FOLDERS_VARIABLE: folders, USED_VARIABLE: str(self.folder / "used.jsonl")}

    @property
    def used(self) -> list[MockUse]:
        """Each mock that was used so far, and with `is_missing` what was asked for and has none. Names, never values."""
        return read_used(self.folder / "used.jsonl")

    # ------------------------------------------------------------------------------------------- what is mocked
    def secret(self, vault: str, name: str, value: str) -> None:
        self._content.setdefault("vaults", {}).setdefault(vault, {})[name] = value
        self._write()

    def token(self, audience: str, value: str) -> None:
        self._content.setdefault("tokens", {})[audience] = value
        self._write()

    def http(
        self,
        url: str,
        *,
        method: str = "GET",
        status: int = 200,
        json: Any = None,
        body: str = "",
        headers: Mapping[str, str] | None = None,
        contains: str = "",
        times: int | None = None,
    ) -> None:
        """`json` or `body` is the answer; `*` in the URL is any text; `contains` is of the request's body."""
        answer = {"body": body} if json is None else {"json": json}
        more = {} if times is None else {"times": times}
        self._add(
            "http",
            url=url,
            method=method,
            status=status,
            headers=dict(headers or {}),
            contains=contains,
            **answer,
            **more,
        )

    def dax(self, dataset: str, frame: Any, query: str | None = None) -> None:
        """The frame that `evaluate_dax` gives for a dataset: for this query, blanks aside, or for any."""
        self.semantic_link("evaluate_dax", frame, dataset=dataset, **({} if query is None else {"dax_string": query}))

    def semantic_link(self, function: str, result: Any, **arguments: Any) -> None:
        """What a function of `sempy.fabric` gives for these arguments: a frame, or a value as JSON has it."""
        self._add("semantic_link", function=function, arguments=arguments, **self._answer(result))

    def table(self, name: str, frame: Any) -> None:
        """A table of a warehouse, for `synapsesql`."""
        self._add("warehouse", table=name, **self._file(frame))

    def source(self, format: str, frame: Any, **options: str) -> None:
        """What `spark.read.format(format)` gives with these options, such as Kusto's and JDBC's."""
        self._add("spark", format=format, options=options, **self._file(frame))

    # ------------------------------------------------------------------------------------------- its files
    def _answer(self, result: Any) -> dict[str, Any]:
        is_plain = result is None or isinstance(result, str | int | float | bool | list | dict)
        return {"value": result} if is_plain else self._file(result)

    def _file(self, frame: Any) -> dict[str, str]:
        self._frames += 1
        name = f"frame-{self._frames}.parquet"
        write_rows(self.folder / name, to_arrow(frame))
        return {"file": name}

    def _add(self, section: str, **values: Any) -> None:
        self._content.setdefault(section, []).insert(0, values)
        self._write()

    def _write(self) -> None:
        """As a whole: a session may read it meanwhile."""
        draft = self.folder / f".{FILE}"
        draft.write_text(json.dumps(self._content), encoding="utf-8")
        draft.replace(self.folder / FILE)
