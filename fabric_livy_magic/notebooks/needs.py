"""What a notebook needs, and which of it is there, told without running it."""

from __future__ import annotations

import difflib
import importlib.util
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from fabric_livy_magic.errors import FabricLivyError, NotebookError
from fabric_livy_magic.notebooks import portal
from fabric_livy_magic.notebooks.files import NotebookFile
from fabric_livy_magic.notebooks.languages import cell_magic, is_line_command
from fabric_livy_magic.notebooks.model import CODE, Cell, Notebook
from fabric_livy_magic.notebooks.python_code import PREDEFINED, UTILITIES, PythonFacts, read_python
from fabric_livy_magic.notebooks.repository import Repository, RunTarget, circle_from, read_run, repository_root

THERE, FABRIC, PROBLEM = "there", "fabric", "problem"
UNKNOWN = "unknown"
_GUARDS = re.compile(r"\bexcept\b|\b(globals|locals)\(")
NOT_IN_REPOSITORY = "no notebook of the repository has this name"
_WORST = {THERE: 0, FABRIC: 1, PROBLEM: 2}


@dataclass(frozen=True)
class Need:
    """`verdict`: it is there; it is there on Fabric itself only; or it is a problem, wherever the notebook runs.

    `cells` are numbers of code cells, counted from 1.
    """

    what: str
    name: str
    verdict: str = THERE
    text: str = ""
    cells: tuple[int, ...] = ()


@dataclass(frozen=True)
class Report:
    file: NotebookFile
    language: str = ""
    code_cells: int = 0
    needs: tuple[Need, ...] = ()

    @property
    def verdict(self) -> str:
        return max((need.verdict for need in self.needs), key=_WORST.__getitem__, default=THERE)


@dataclass
class _Code:
    """A notebook's code cells as far as they could be read, by their number."""

    notebook: Notebook
    cells: dict[int, Cell] = field(default_factory=dict)
    facts: dict[int, PythonFacts] = field(default_factory=dict)
    foreign: dict[int, str] = field(default_factory=dict)
    """Magics of other products that a cell begins with: what follows is no Python."""

    def magics(self, name: str) -> Iterator[tuple[int, str]]:
        """(cell, what follows it)."""
        for number, facts in self.facts.items():
            for magic, rest in facts.magics:
                if magic == name:
                    yield number, rest


class Checker:
    """Reads each notebook once, also one that several others run."""

    def __init__(self) -> None:
        self._repositories: dict[Path, Repository] = {}
        self._codes: dict[Path, _Code] = {}
        self._edges: dict[NotebookFile, list[NotebookFile]] = {}
        self._free: set[NotebookFile] = set()

    def check(self, file: NotebookFile) -> Report:
        try:
            code = self._code(file)
        except FabricLivyError as error:
            told = str(error).removeprefix(f"{file.path}: ")
            return Report(file, needs=(Need("file", file.path.name, PROBLEM, told),))
        notebook = code.notebook
        needs = [
            *_of_metadata(notebook),
            *_of_cells(code),
            *self._runs(file, code),
            *_of_utilities(code),
            *_of_modules(code),
            *_of_names(code),
        ]
        return Report(file, notebook.language, len(code.cells), tuple(_merged(needs)))

    def refusals(self, file: NotebookFile) -> list[tuple[NotebookFile, Need]]:
        """What keeps the notebook, or one that it includes, from being run anywhere: problems, without those that Fabric
        meets in the cell itself, and those that only the workspace can tell."""
        found, waiting = [], [file]
        seen = {file}
        while waiting:
            one = waiting.pop(0)
            needs = [need for need in self.check(one).needs if need.verdict == PROBLEM]
            found += [(one, need) for need in needs if need.what == "file" or self._keeps(one, need)]
            included = [other for other in dict.fromkeys(self._run_by(one)) if other not in seen]
            seen.update(included)
            waiting += included
        return found

    def _keeps(self, file: NotebookFile, need: Need) -> bool:
        """Whether it is sure to: a name may be asked for before it is used, a magic come with an extension."""
        code = self._code(file)
        if need.what == "name":
            return any(not _GUARDS.search(code.cells[number].source) for number in need.cells)
        if need.what == "magic" and need.text == UNKNOWN and any(code.magics("%load_ext")):
            return False
        return need.what != "syntax" and not need.text.startswith(NOT_IN_REPOSITORY)

    def _code(self, file: NotebookFile) -> _Code:
        if file.path not in self._codes:
            self._codes[file.path] = _read_code(file.read())
        return self._codes[file.path]

    def _repository(self, file: NotebookFile) -> Repository:
        root = repository_root(file.path)
        return self._repositories.setdefault(root, Repository(root))

    def _runs(self, file: NotebookFile, code: _Code) -> Iterator[Need]:
        for number, rest in code.magics("%run"):
            try:
                target = read_run(rest)
            except NotebookError as error:
                yield Need("%run", rest.strip(), PROBLEM, str(error), (number,))
                continue
            yield self._run(file, target, number)
        if circle := circle_from(file, self._run_by, self._free):
            yield Need("%run", circle[-1].name, PROBLEM, f"a circle: {' → '.join(one.name for one in circle)}")
        for number, facts in code.facts.items():
            for name in facts.children:
                found = self._repository(file).find(name, file.path).file
                text = "" if found else "it is not in this repository, and will be looked up in the workspace"
                yield Need("notebook.run", name, THERE if found else FABRIC, text, (number,))

    def _run(self, file: NotebookFile, target: RunTarget, number: int) -> Need:
        if target.is_script:
            text = "a file of the notebook's resources, which are not in its repository"
            return Need("%run", target.name, FABRIC, text, (number,))
        found = self._repository(file).find(target.name, file.path)
        if found.file is None:
            similar = f" Did you mean {' or '.join(found.similar)}?" if found.similar else ""
            return Need("%run", target.name, PROBLEM, f"{NOT_IN_REPOSITORY}.{similar}", (number,))
        wanted = target.name.lstrip("./")
        text = "" if found.file.name in {wanted, wanted.rpartition("/")[2]} else f"it is called {found.file.name}"
        return Need("%run", target.name, THERE, text, (number,))

    def _run_by(self, file: NotebookFile) -> list[NotebookFile]:
        if file not in self._edges:
            self._edges[file] = list(self._found_by(file))
        return self._edges[file]

    def _found_by(self, file: NotebookFile) -> Iterator[NotebookFile]:
        """What is wrong with a line or a notebook is told where that is checked itself."""
        try:
            lines = [rest for _, rest in self._code(file).magics("%run")]
        except FabricLivyError:
            return
        for line in lines:
            with suppress(NotebookError):
                if found := self._repository(file).find(read_run(line).name, file.path).file:
                    yield found


def _read_code(notebook: Notebook) -> _Code:
    code = _Code(notebook)
    aliases = dict(PREDEFINED)
    for number, cell in enumerate((cell for cell in notebook.cells if cell.kind == CODE), start=1):
        code.cells[number] = cell
        source = cell.source
        magic = cell_magic(source, notebook.comment)
        if magic:
            lines = source.split("\n")
            source = "\n" * (magic.line + 1) + "\n".join(lines[magic.line + 1 :])
        is_python = notebook.language_of(cell) in {"pyspark", "python"}
        if cell.is_skipped or not (is_python or is_line_command(source, notebook.comment)):
            continue
        first = source.strip().split(maxsplit=1)[:1]
        if first and first[0] in portal.FOREIGN_MAGICS:
            code.foreign[number] = first[0]
        else:
            code.facts[number] = read_python(source, aliases)
    return code


def _of_metadata(notebook: Notebook) -> Iterator[Need]:
    for problem in notebook.problems:
        yield Need("file", f"line {problem.line}", PROBLEM, problem.text)
    if notebook.language in portal.OTHER_LANGUAGES:
        name, why = portal.OTHER_LANGUAGES[notebook.language]
        yield Need("notebook", name, PROBLEM, f"a notebook in {name}: {why}")
    elif not notebook.kernel:
        yield Need("notebook", "no kernel", THERE, f"it names no kernel and is taken for {notebook.language}")
    if lakehouse := notebook.default_lakehouse:
        yield Need("lakehouse", lakehouse.name or lakehouse.id)
    if environment := notebook.environment:
        text = "offline, its libraries have to be installed in this Python"
        yield Need("environment", environment.id, FABRIC, text)


def _of_cells(code: _Code) -> Iterator[Need]:
    own = {name for facts in code.facts.values() for name in facts.own_magics}
    for number, cell in code.cells.items():
        at = (number,)
        if cell.is_skipped:
            yield Need("skipped cell", "frozen" if cell.is_frozen else "tagged", cells=at)
            continue
        yield from _of_language(code.notebook, cell, at)
        if number in code.foreign:
            name = code.foreign[number]
            yield Need("magic", name, PROBLEM, f"in Fabric this is {portal.FOREIGN_MAGICS[name]}", at)
        if number in code.facts:
            facts = code.facts[number]
            for name, _ in facts.magics:
                if name != "%run":
                    yield _of_magic(name, own, at)
            if facts.error:
                text = f"line {facts.error_line}: {facts.error}{_advice(cell.source)}"
                yield Need("syntax", f"cell {number}", PROBLEM, text, at)
            if cell.is_parameters:
                yield Need("parameters", ", ".join(sorted(facts.assigned)) or "none", cells=at)


def _of_language(notebook: Notebook, cell: Cell, at: tuple[int, ...]) -> Iterator[Need]:
    language = notebook.language_of(cell)
    magic = cell_magic(cell.source, notebook.comment)
    if language in portal.LANGUAGES:
        text = "the embedded Fabric has no R" if language == "sparkr" else ""
        if cell.source.strip():
            yield Need("language", portal.LANGUAGES[language], FABRIC if text else THERE, text, at)
    elif language in portal.OTHER_LANGUAGES and language != notebook.language:
        name, why = portal.OTHER_LANGUAGES[language]
        yield Need("language", name, PROBLEM, why, at)
    if magic and magic.name not in portal.OTHER_LANGUAGES:
        yield _of_magic(f"%%{magic.name}", set(), at)


def _of_magic(name: str, own: set[str], at: tuple[int, ...]) -> Need:
    if name in portal.MAGICS or portal.OUR_MAGICS.fullmatch(name) or name.lstrip("%") in own:
        return Need("magic", name, cells=at)
    if name in portal.FOREIGN_MAGICS:
        return Need("magic", name, PROBLEM, f"in Fabric this is {portal.FOREIGN_MAGICS[name]}", at)
    if portal.IPYTHONS_MAGICS.fullmatch(name):
        return Need("magic", name, FABRIC, "a magic of IPython, which the portal has", at)
    if (word := name.lstrip("%")) in portal.OTHER_LANGUAGES or word.startswith("chat"):
        what, why = portal.OTHER_LANGUAGES.get(word, portal.OTHER_LANGUAGES["chat"])
        return Need("magic", name, PROBLEM, f"{what}: {why}", at)
    similar = difflib.get_close_matches(name, sorted(portal.MAGICS), n=1)
    return Need("magic", name, PROBLEM, UNKNOWN + (f": did you mean {similar[0]}?" if similar else ""), at)


def _advice(source: str) -> str:
    word = next(iter(source.split()), "")
    if portal.SQL_WORDS.fullmatch(word.upper()):
        return ". It looks like SQL, which begins with %%sql"
    return f". A shell command begins with !, as in !{word}" if word in {"pip", "wget", "curl", "cp", "ls"} else ""


def _of_utilities(code: _Code) -> Iterator[Need]:
    for number, facts in code.facts.items():
        for name in sorted(facts.uses):
            package, _, rest = name.partition(".")
            if package != UTILITIES or not rest:
                continue
            module, _, function = rest.partition(".")
            function = function.split(".")[0]
            covered = portal.UTILITIES.get(module, frozenset())
            is_there = covered is None or not function or function in covered
            text = "" if is_there else "the embedded Fabric has not this part of notebookutils"
            called = f"{module}.{function}" if function else module
            yield Need(UTILITIES, called, THERE if is_there else FABRIC, text, (number,))


def _of_modules(code: _Code) -> Iterator[Need]:
    commands = " ".join(rest for magic in ("%pip", "!") for _, rest in code.magics(magic) if "install" in rest)
    installed = set(re.findall(r"\w+", commands.replace("-", "_").lower()))
    for number, facts in code.facts.items():
        for module in sorted(facts.modules):
            root = module.split(".")[0]
            service = next((word for word in portal.SERVICES if f"{module}.".startswith(f"{word}.")), None)
            if root in PREDEFINED or root in sys.stdlib_module_names:
                continue
            if service:
                text = f"{portal.SERVICES[service]}: it has no form without the service"
                yield Need("package", service, FABRIC, text, (number,))
            elif root.lower() in installed or _is_installed(root):
                yield Need("package", root, cells=(number,))
            else:
                yield Need("package", root, FABRIC, "not installed in this Python", (number,))


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _of_names(code: _Code) -> Iterator[Need]:
    assigned = {name for facts in code.facts.values() for name in facts.assigned}
    for number, facts in code.facts.items():
        at = (number,)
        for name in sorted(facts.uses):
            root, _, rest = name.partition(".")
            if root == "dbutils" and root not in assigned:
                part = rest.split(".")[0]
                text = f"Databricks' name; in Fabric this is {portal.DBUTILS.get(part, UTILITIES)}"
                yield Need("name", f"dbutils.{part}".rstrip("."), PROBLEM, text, at)
            elif root in portal.SERVICE_NAMES:
                yield Need("name", root, FABRIC, portal.SERVICE_NAMES[root], at)
        for name in sorted(facts.attributes & portal.SERVICE_ATTRIBUTES.keys()):
            yield Need("name", name, FABRIC, portal.SERVICE_ATTRIBUTES[name], at)
        for start, text in portal.SERVICE_FORMATS.items():
            if any(one.startswith(start) for one in facts.strings):
                yield Need("name", start, FABRIC, text, at)


def _merged(needs: Sequence[Need]) -> list[Need]:
    """Each once, with all its cells."""
    found: dict[tuple[str, str, str, str], list[int]] = {}
    for need in needs:
        found.setdefault((need.what, need.name, need.verdict, need.text), []).extend(need.cells)
    return [Need(*key, tuple(sorted(set(cells)))) for key, cells in found.items()]
