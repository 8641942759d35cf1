"""What a notebook needs, and whether a session of this package has it, found without running the notebook."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from fabric_livy_magic.errors import FabricLivyError, NotebookError
from fabric_livy_magic.notebooks import portal_features
from fabric_livy_magic.notebooks.fabric_notebooks import OWN_KERNEL_MAGICS, is_fabric_notebook, names_own_kernel
from fabric_livy_magic.notebooks.fabric_runtime import FabricRuntime, installed_version, runtime_of
from fabric_livy_magic.notebooks.files import NotebookFile
from fabric_livy_magic.notebooks.languages import cell_magic
from fabric_livy_magic.notebooks.model import Cell, Notebook
from fabric_livy_magic.notebooks.need import A_MOCK, AVAILABLE, FABRIC_ONLY, PROBLEM, SEVERITY, TO_PROVIDE, Need
from fabric_livy_magic.notebooks.notebook_code import NotebookCode, read_code
from fabric_livy_magic.notebooks.outside_needs import outside_needs
from fabric_livy_magic.notebooks.package_needs import package_needs, semantic_link_needs
from fabric_livy_magic.notebooks.portability import portability_needs
from fabric_livy_magic.notebooks.python_code import UTILITIES
from fabric_livy_magic.notebooks.repository import Repository, repository_root
from fabric_livy_magic.notebooks.run_magic import RunLine, find_run_cycle, find_script, read_run_line
from fabric_livy_magic.notebooks.shortcut_needs import shortcut_needs

UNKNOWN_MAGIC = "unknown"
MAY_FAIL_TAG = "raises-exception"
_NAME_GUARD = re.compile(r"\bexcept\b|\b(globals|locals)\(")
RUNS, RUN_MULTIPLE = frozenset({"%run", "notebook.run"}), f"{UTILITIES}.notebook.runMultiple"
MOST_TOLD = 3  # of what a notebook needs that another one runs
NOT_IN_REPOSITORY = "no notebook of the repository has this name"


@dataclass(frozen=True)
class Report:
    file: NotebookFile
    language: str = ""
    code_cells: int = 0
    needs: tuple[Need, ...] = ()

    @property
    def verdict(self) -> str:
        return max((need.verdict for need in self.needs), key=SEVERITY.__getitem__, default=AVAILABLE)


class Checker:
    """Reads each notebook once, even if several others run it."""

    def __init__(self, runtime: FabricRuntime | None = None) -> None:
        """`runtime` is the one that the notebook has to run on; without it, that which this Python stands for."""
        self._runtime = runtime or runtime_of(installed_version("pyspark"), sys.version_info[:2])
        self._repositories: dict[Path, Repository] = {}
        self._root_of: dict[Path, Path] = {}
        self._codes: dict[Path, NotebookCode] = {}
        self._own_reports: dict[NotebookFile, Report] = {}
        self._notebooks_run: dict[NotebookFile, list[NotebookFile]] = {}
        self._acyclic: set[NotebookFile] = set()

    def check(self, file: NotebookFile) -> Report:
        """A notebook needs what those that it runs need: the line of each says what, where that is not all there."""
        own = self._own(file)
        return replace(own, needs=tuple(self._followed(file, need) for need in own.needs))

    def _own(self, file: NotebookFile) -> Report:
        if file not in self._own_reports:
            self._own_reports[file] = self._read_needs(file)
        return self._own_reports[file]

    def _read_needs(self, file: NotebookFile) -> Report:
        try:
            code = self._code(file)
        except FabricLivyError as error:
            text = str(error).removeprefix(f"{file.path}: ")
            return Report(file, needs=(Need("file", file.path.name, PROBLEM, text),))
        notebook = code.notebook
        needs = [
            *_metadata_needs(notebook),
            *_cell_needs(code),
            *self._run_needs(file, code),
            *_utilities_needs(code),
            *outside_needs(code),
            *shortcut_needs(code, self._repository(file)),
            *package_needs(code, file.path.parent),
            *semantic_link_needs(code),
            *portability_needs(code, file.path.parent, self._runtime),
            *_name_needs(code),
        ]
        return Report(file, notebook.language, len(code.cells), tuple(_deduplicated(needs)))

    def _followed(self, file: NotebookFile, need: Need) -> Need:
        """The need of a notebook that is run, with what that one and all that it runs need most."""
        child = self._child(file, need)
        if child is None or need.verdict != AVAILABLE:
            return need
        found = [(one, own) for one in self._reached(child, besides=file) for own in self._own(one).needs]
        verdict = max((own.verdict for _, own in found), key=SEVERITY.__getitem__, default=AVAILABLE)
        if verdict == AVAILABLE:
            return need
        worst = list(dict.fromkeys((one.name, own.what, own.name) for one, own in found if own.verdict == verdict))
        told = [f"{what} {name} in {notebook}" for notebook, what, name in worst[:MOST_TOLD]]
        more = f" and {len(worst) - MOST_TOLD} more" if len(worst) > MOST_TOLD else ""
        return replace(need, verdict=verdict, text=f"{need.text}{'; ' * bool(need.text)}needs {', '.join(told)}{more}")

    def _child(self, file: NotebookFile, need: Need) -> NotebookFile | None:
        if need.what not in RUNS or file.path not in self._codes:
            return None
        return self._repository(file).find(need.name, file.path).file

    def _reached(self, start: NotebookFile, *, besides: NotebookFile) -> Iterator[NotebookFile]:
        """It and all that it runs, each once, though they may run each other in a circle."""
        seen, queue = {start, besides}, [start]
        while queue:
            one = queue.pop(0)
            yield one
            for need in self._own(one).needs:
                child = self._child(one, need)
                if child and child not in seen:
                    seen.add(child)
                    queue.append(child)

    def blockers(self, file: NotebookFile) -> list[tuple[NotebookFile, Need]]:
        """The problems for which neither the notebook nor one of its `%run` could run anywhere. Left out are problems that
        would show in the failing cell only, and those that only the workspace can decide."""
        blockers, queue = [], [file]
        seen = {file}
        while queue:
            one = queue.pop(0)
            needs = [need for need in self._own(one).needs if need.verdict == PROBLEM]
            blockers += [(one, need) for need in needs if need.what == "file" or self._blocks_run(one, need)]
            run_by_it = [other for other in dict.fromkeys(self._run_by_notebook(one)) if other not in seen]
            seen.update(run_by_it)
            queue += run_by_it
        return blockers

    def _blocks_run(self, file: NotebookFile, need: Need) -> bool:
        """Whether it certainly does: a cell may be meant to fail, or test for a name before it uses it, and a magic may come with an
        extension."""
        code = self._code(file)
        if need.cells and all(MAY_FAIL_TAG in code.cells[number].tags for number in need.cells):
            return False
        if need.what == "name":
            return any(not _NAME_GUARD.search(code.cells[number].source) for number in need.cells)
        if need.what == "magic" and need.text == UNKNOWN_MAGIC and any(code.magics("%load_ext")):
            return False
        return need.what != "syntax" and not need.text.startswith(NOT_IN_REPOSITORY)

    def _code(self, file: NotebookFile) -> NotebookCode:
        if file.path not in self._codes:
            self._codes[file.path] = read_code(file.read())
        return self._codes[file.path]

    def _repository(self, file: NotebookFile) -> Repository:
        if (root := self._root_of.get(file.path)) is None:
            root = self._root_of[file.path] = repository_root(file.path)
        return self._repositories.setdefault(root, Repository(root))

    def _run_needs(self, file: NotebookFile, code: NotebookCode) -> Iterator[Need]:
        for number, rest in code.magics("%run"):
            try:
                line = read_run_line(rest)
            except NotebookError as error:
                yield Need("%run", rest.strip(), PROBLEM, str(error), (number,))
                continue
            yield self._run_need(file, line, number)
        if cycle := find_run_cycle(file, self._run_by_notebook, self._acyclic):
            yield Need("%run", cycle[-1].name, PROBLEM, f"a circle: {' → '.join(one.name for one in cycle)}")
        runs_several = any(RUN_MULTIPLE in facts.names_read for facts in code.facts.values())
        for number, facts in code.facts.items():
            for name in (*facts.child_notebooks, *(facts.activities if runs_several else ())):
                child = self._repository(file).find(name, file.path).file
                text = "" if child else "it is not in this repository, and will be looked up in the workspace"
                yield Need("notebook.run", name, AVAILABLE if child else FABRIC_ONLY, text, (number,))

    def _run_need(self, file: NotebookFile, line: RunLine, number: int) -> Need:
        if line.is_script:
            found = find_script(line, file.path)
            text = "" if found else "a file of the notebook's resources, which is not in its repository"
            return Need("%run", line.name, AVAILABLE if found else FABRIC_ONLY, text, (number,))
        match = self._repository(file).find(line.name, file.path)
        if match.file is None:
            similar = f" Did you mean {' or '.join(match.similar)}?" if match.similar else ""
            return Need("%run", line.name, PROBLEM, f"{NOT_IN_REPOSITORY}.{similar}", (number,))
        name = line.name.lstrip("./")
        text = "" if match.file.name in {name, name.rpartition("/")[2]} else f"it is called {match.file.name}"
        return Need("%run", line.name, AVAILABLE, text, (number,))

    def _run_by_notebook(self, file: NotebookFile) -> list[NotebookFile]:
        if file not in self._notebooks_run:
            self._notebooks_run[file] = list(self._find_run_notebooks(file))
        return self._notebooks_run[file]

    def _find_run_notebooks(self, file: NotebookFile) -> Iterator[NotebookFile]:
        """A line or a notebook with an error is skipped: the check of that notebook reports it."""
        try:
            lines = [rest for _, rest in self._code(file).magics("%run")]
        except FabricLivyError:
            return
        for line in lines:
            with suppress(NotebookError):
                if match := self._repository(file).find(read_run_line(line).name, file.path).file:
                    yield match


def _metadata_needs(notebook: Notebook) -> Iterator[Need]:
    for problem in notebook.problems:
        yield Need("file", f"line {problem.line}", PROBLEM, problem.text)
    if notebook.language in portal_features.OTHER_LANGUAGES:
        name, why = portal_features.OTHER_LANGUAGES[notebook.language]
        yield Need("notebook", name, PROBLEM, f"a notebook in {name}: {why}")
    elif not notebook.kernel:
        taken = notebook.language if is_fabric_notebook(notebook) else "one for any Jupyter kernel: it loads the magics"
        yield Need("notebook", "no kernel", AVAILABLE, f"it names no kernel and is taken for {taken}")
    if lakehouse := notebook.default_lakehouse:
        yield Need("lakehouse", lakehouse.name or lakehouse.id)
    if environment := notebook.environment:
        text = "offline, what it installs has to be installed in this Python; the packages that cells import are told below"
        yield Need("environment", environment.id, AVAILABLE, text)


def _cell_needs(code: NotebookCode) -> Iterator[Need]:
    registered = {name for facts in code.facts.values() for name in facts.registered_magics}
    registered |= OWN_KERNEL_MAGICS if names_own_kernel(code.notebook) else set()
    for number, cell in code.cells.items():
        at = (number,)
        if cell.is_skipped:
            yield Need("skipped cell", "frozen" if cell.is_frozen else "tagged", cells=at)
            continue
        yield from _language_needs(code.notebook, cell, registered, at)
        if portal_features.LAKE_VIEWS.search(cell.source):
            yield Need("statement", "MATERIALIZED LAKE VIEW", AVAILABLE, portal_features.LAKE_VIEWS_NOTE, at)
        if number in code.other_products_magics:
            name = code.other_products_magics[number]
            yield Need(
                "magic", name, PROBLEM, f"in Fabric this is {portal_features.FABRIC_EQUIVALENT_OF_MAGIC[name]}", at
            )
        if number in code.facts:
            facts = code.facts[number]
            for name, _ in facts.magics:
                if name != "%run":
                    yield _magic_need(name, registered, at)
            if facts.error:
                text = f"line {facts.error_line}: {facts.error}{_syntax_hint(cell.source)}"
                yield Need("syntax", f"cell {number}", PROBLEM, text, at)
            if cell.is_parameters:
                yield Need("parameters", ", ".join(sorted(facts.assigned)) or "none", cells=at)


def _language_needs(notebook: Notebook, cell: Cell, registered: set[str], at: tuple[int, ...]) -> Iterator[Need]:
    language = notebook.language_of(cell)
    magic = cell_magic(cell.source, notebook.comment)
    if language in portal_features.LANGUAGES:
        text = "the embedded Fabric has no R" if language == "sparkr" else ""
        if cell.source.strip():
            yield Need("language", portal_features.LANGUAGES[language], FABRIC_ONLY if text else AVAILABLE, text, at)
    elif language in portal_features.OTHER_LANGUAGES and language != notebook.language:
        name, why = portal_features.OTHER_LANGUAGES[language]
        yield Need("language", name, PROBLEM, why, at)
    if magic and magic.name not in portal_features.OTHER_LANGUAGES:
        yield _magic_need(f"%%{magic.name}", registered, at)


def _magic_need(name: str, registered: set[str], at: tuple[int, ...]) -> Need:
    if (
        name in portal_features.PORTAL_MAGICS
        or portal_features.PACKAGE_MAGICS.fullmatch(name)
        or name.lstrip("%") in registered
    ):
        return Need("magic", name, cells=at)
    if name in portal_features.FABRIC_EQUIVALENT_OF_MAGIC:
        return Need("magic", name, PROBLEM, f"in Fabric this is {portal_features.FABRIC_EQUIVALENT_OF_MAGIC[name]}", at)
    if portal_features.IPYTHON_MAGICS.fullmatch(name):
        if name in portal_features.MAGICS_ON_NAMES:
            return Need(
                "magic", name, FABRIC_ONLY, "a magic of IPython on names, and the session's are not the kernel's", at
            )
        return Need("magic", name, cells=at)
    if (word := name.lstrip("%")) in portal_features.OTHER_LANGUAGES or word.startswith("chat"):
        what, why = portal_features.OTHER_LANGUAGES.get(word, portal_features.OTHER_LANGUAGES["chat"])
        return Need("magic", name, PROBLEM, f"{what}: {why}", at)
    similar = difflib.get_close_matches(name, sorted(portal_features.PORTAL_MAGICS), n=1)
    return Need("magic", name, PROBLEM, UNKNOWN_MAGIC + (f": did you mean {similar[0]}?" if similar else ""), at)


def _syntax_hint(source: str) -> str:
    word = next(iter(source.split()), "")
    if portal_features.SQL_WORDS.fullmatch(word.upper()):
        return ". It looks like SQL, which begins with %%sql"
    return f". A shell command begins with !, as in !{word}" if word in {"pip", "wget", "curl", "cp", "ls"} else ""


def _utilities_needs(code: NotebookCode) -> Iterator[Need]:
    for number, facts in code.facts.items():
        for name in sorted(facts.names_read):
            package, _, rest = name.partition(".")
            if package != UTILITIES or not rest:
                continue
            module, _, function = rest.partition(".")
            function = function.split(".")[0]
            functions = portal_features.UTILITIES_OF_EMBEDDED_FABRIC.get(module, frozenset())
            is_available = functions is None or not function or function in functions
            text = "" if is_available else "the embedded Fabric has not this part of notebookutils"
            called = f"{module}.{function}" if function else module
            yield Need(UTILITIES, called, AVAILABLE if is_available else FABRIC_ONLY, text, (number,))


def _name_needs(code: NotebookCode) -> Iterator[Need]:
    assigned = {name for facts in code.facts.values() for name in facts.assigned}
    for number, facts in code.facts.items():
        at = (number,)
        for name in sorted(facts.names_read):
            root, _, rest = name.partition(".")
            if root == "dbutils" and root not in assigned:
                part = rest.split(".")[0]
                text = f"Databricks' name; in Fabric this is {portal_features.FABRIC_EQUIVALENT_OF_DBUTILS.get(part, UTILITIES)}"
                yield Need("name", f"dbutils.{part}".rstrip("."), PROBLEM, text, at)
            elif root in portal_features.SERVICE_NAMES:
                yield Need("name", root, FABRIC_ONLY, portal_features.SERVICE_NAMES[root], at)
        for name in sorted(facts.attributes & portal_features.SERVICE_ATTRIBUTES.keys()):
            yield Need("name", name, TO_PROVIDE, f"{portal_features.SERVICE_ATTRIBUTES[name]}; {A_MOCK}", at)
        for start, text in portal_features.SERVICE_FORMATS.items():
            if any(one.startswith(start) for one in facts.strings):
                yield Need("name", start, TO_PROVIDE, f"{text}; {A_MOCK}", at)


def _deduplicated(needs: Sequence[Need]) -> list[Need]:
    """Each need once, with all its cells."""
    cells_of: dict[tuple[str, str, str, str], list[int]] = {}
    for need in needs:
        cells_of.setdefault((need.what, need.name, need.verdict, need.text), []).extend(need.cells)
    return [Need(*key, tuple(sorted(set(cells)))) for key, cells in cells_of.items()]
