"""What a Python cell uses, read from its syntax tree without running it. IPython itself translates its own syntax."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

# Both names are predefined in a session and are the same module.
UTILITIES = "notebookutils"
PREDEFINED = {UTILITIES: UTILITIES, "mssparkutils": UTILITIES}
SEMANTIC_LINK = "sempy"


@dataclass
class PythonFacts:
    magics: list[tuple[str, str]] = field(default_factory=list)
    """(`%name` or `!`, what follows it)."""
    modules: set[str] = field(default_factory=set)
    """Imported, with dots."""
    names_read: set[str] = field(default_factory=set)
    """With dots; those of `notebookutils` and `sempy` by their names, whatever they were imported as."""
    attributes: set[str] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    assigned: set[str] = field(default_factory=set)
    registered_magics: set[str] = field(default_factory=set)
    child_notebooks: list[str] = field(default_factory=list)
    """Names in `notebook.run("…")` and `runMultiple([…])`."""
    activities: list[str] = field(default_factory=list)
    """Names of notebooks in anything that looks like the activities of a `runMultiple`."""
    tree: ast.Module | None = field(default=None, repr=False, compare=False)
    """None where there is an error."""
    error: str = ""
    error_line: int = 0


def read_python(source: str, aliases: dict[str, str]) -> PythonFacts:
    """`aliases` (name → full name, such as `nb` → `notebookutils.notebook`) are those of the cells before; this cell's
    imports are added."""
    facts = PythonFacts()
    try:
        tree, plain = _parsed(source)
    except SyntaxError as error:
        facts.error, facts.error_line = error.msg or "invalid syntax", error.lineno or 1
        return facts
    except (ValueError, RecursionError, MemoryError) as error:
        facts.error, facts.error_line = f"{error or type(error).__name__}", 1
        return facts
    try:
        _Reader(facts, aliases, with_magics=not plain).visit(tree)
        facts.tree = tree
    except RecursionError:
        facts.error, facts.error_line = "it nests too deeply", 1
    return facts


def _parsed(source: str) -> tuple[ast.Module, bool]:
    """(tree, whether it is plain Python)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an invalid escape in a string
        try:
            return ast.parse(source), True
        except SyntaxError:
            from fabric_livy_magic.notebooks.ipython_syntax import as_python  # loads IPython

            return ast.parse(as_python(source)), False


class _Reader(ast.NodeVisitor):
    def __init__(self, facts: PythonFacts, aliases: dict[str, str], *, with_magics: bool) -> None:
        self._facts = facts
        self._aliases = aliases
        self._with_magics = with_magics

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._facts.modules.add(alias.name)
            name = alias.asname or alias.name.split(".")[0]
            full_name = _followed_name(alias.name if alias.asname else name)
            self._bind(name, full_name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level or not node.module:
            return
        self._facts.modules.add(node.module)
        for alias in node.names:
            self._bind(alias.asname or alias.name, _followed_name(f"{node.module}.{alias.name}"))

    def _bind(self, name: str, full_name: str | None) -> None:
        self._facts.assigned.add(name)
        if full_name:
            self._aliases[name] = full_name
        else:
            self._aliases.pop(name, None)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._facts.attributes.add(node.attr)
        if not self._add_name_read(node):
            self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self._facts.assigned.add(node.id)
        else:
            self._add_name_read(node)

    def _add_name_read(self, node: ast.expr) -> bool:
        dotted = _dotted(node)
        if dotted is None:
            return False
        root, _, rest = dotted.partition(".")
        full_name = self._aliases.get(root)
        self._facts.names_read.add(f"{full_name}.{rest}" if full_name and rest else full_name or dotted)
        return True

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._facts.assigned.add(node.name)
        for decorator in node.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if (_dotted(called) or "").rpartition(".")[2].startswith("register_"):
                self._facts.registered_magics.add(node.name)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if self._with_magics and (magic := _magic(node)):
            self._facts.magics.append(magic)
            return
        name = _dotted(node.func) or ""
        root, _, rest = name.partition(".")
        full_name = f"{self._aliases.get(root, root)}.{rest}"
        if full_name == f"{UTILITIES}.notebook.run":
            self._facts.child_notebooks += _notebook_name(node)
        elif full_name == f"{UTILITIES}.notebook.runMultiple" and node.args and isinstance(node.args[0], ast.List):
            self._facts.child_notebooks += _texts(node.args[0].elts)
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        keys = {
            key.value: value for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)
        }
        if "name" in keys and "path" in keys:  # the path is the notebook
            self._facts.activities += _texts([keys["path"]])
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """As one text, with `{}` for each value."""
        pieces = [one.value if isinstance(one, ast.Constant) else "{}" for one in node.values]
        self._facts.strings.add("".join(map(str, pieces)))
        for one in node.values:
            if not isinstance(one, ast.Constant):
                self.visit(one)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self._facts.strings.add(node.value)


def _followed_name(module: str) -> str | None:
    """The full name of a module or function of `notebookutils` or `sempy`, None for any other:
    `notebookutils.mssparkutils.credentials` is `notebookutils.credentials`."""
    parts = module.split(".")
    if parts[0] == SEMANTIC_LINK:
        return module
    if parts[0] not in PREDEFINED:
        return None
    return ".".join([UTILITIES, *[part for part in parts[1:] if part not in PREDEFINED]])


def _dotted(node: ast.AST) -> str | None:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(names)]) if isinstance(node, ast.Name) else None


def _magic(node: ast.Call) -> tuple[str, str] | None:
    """(magic, what follows it) of `get_ipython().run_line_magic('name', 'rest')`, into which IPython translates a magic."""
    function = node.func
    is_shell = (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Call)
        and _dotted(function.value.func) == "get_ipython"
    )
    if not is_shell or not isinstance(function, ast.Attribute):
        return None
    texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    if function.attr == "run_line_magic" and len(texts) > 1:
        return f"%{texts[0]}", texts[1]
    if function.attr == "run_cell_magic" and len(texts) > 1:
        return f"%%{texts[0]}", texts[1]
    return ("!", texts[0]) if function.attr in {"system", "getoutput"} and texts else None


def _notebook_name(node: ast.Call) -> list[str]:
    """The notebook's name in a call of `notebook.run`, where it is a literal."""
    arguments: Iterator[ast.expr] = iter([*node.args[:1], *(one.value for one in node.keywords if one.arg == "path")])
    return _texts(arguments)[:1]


def _texts(nodes: Iterable[ast.expr]) -> list[str]:
    return [one.value for one in nodes if isinstance(one, ast.Constant) and isinstance(one.value, str)]
