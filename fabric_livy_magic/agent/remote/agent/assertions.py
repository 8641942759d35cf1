"""`assert` of a tested notebook: what its parts were when it failed.

The statement stays an `assert`, with its own message. The parts of its condition are kept while they are evaluated, each once and in
its place: `assert df.count() == 7` becomes `assert seen(seen(0), seen(0, 0, df.count()) == 7)`. Nothing is evaluated a second time.
"""

from __future__ import annotations

import ast
import builtins
import reprlib
import sys
from typing import Any

NAME = "@fabric_livy_seen"  # no name of Python's, so none of the user's
MOST_CHARACTERS = 240
MOST_OF_ARGUMENT = 60
MOST_COMPARED = 10_000
OWN_SCOPE = (ast.GeneratorExp, ast.Lambda, ast.Starred)
# Of these it is plain where the value is from.
ITSELF = (ast.Name, ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict)
OPERATORS = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}


class Site:
    """One `assert` in the text of a cell."""

    def __init__(self, test: ast.expr, code: str, lines: range) -> None:
        self.test = test
        self.code = code
        self.lines = lines

    def source(self, node: ast.AST) -> str:
        text = ast.get_source_segment(self.code, node) or "…"
        return cut(" ".join(text.split()) if "\n" in text else text)


class Seen:
    """`seen(site)` begins a condition, `seen(site, place, value)` keeps a part of it, `seen(begun, value)` ends it. By frame: a
    condition may call functions with the same assert, and wait while others run."""

    def __init__(self) -> None:
        self.enabled = False
        self._sites: list[Site] = []
        self._begun: dict[int, tuple[Any, Site, dict[int, Any]]] = {}
        self._failed: dict[int, tuple[Any, range, str]] = {}

    def __reduce__(self) -> Any:
        """In a Python worker of Spark, where a function of the user's runs that has an assert, it gives the values only."""
        return eval, ("lambda *given: given[-1]",)

    def __call__(self, *given: Any) -> Any:
        frame = sys._getframe(1)
        if len(given) == 1:
            self._failed.pop(id(frame), None)
            self._begun[id(frame)] = (frame, self._sites[given[0]], {})
            return None
        value = given[-1]
        if len(given) == 3:
            begun = self._begun.get(id(frame))
            if begun is not None:
                begun[2][given[1]] = value
            return value
        begun = self._begun.pop(id(frame), None)
        holds = bool(value)  # the one time that its truth is asked for
        if not holds and begun is not None:
            self._failed[id(frame)] = (frame, begun[1].lines, explained(begun[1], begun[2]))
        return holds

    def watched(self, tree: Any, code: str) -> Any:
        """The tree of a cell, changed in place."""
        for node in ast.walk(tree):
            # Of a tuple, which is always true, Python warns; so it does of `x is 1`: constants stay as they are.
            if isinstance(node, ast.Assert) and not (isinstance(node.test, ast.Tuple) and node.test.elts):
                Watching(self._sites, code).change(node)
        return ast.fix_missing_locations(tree)

    def explanation_of(self, error: BaseException) -> str:
        """Of the `assert` that raised it; empty where none did. Nothing is kept then."""
        trace, failed = error.__traceback__, dict(self._failed)
        self.forget()
        if type(error) is not AssertionError or trace is None:
            return ""
        while trace.tb_next is not None:
            trace = trace.tb_next
        frame, lines, text = failed.get(id(trace.tb_frame), (None, range(0), ""))
        return text if frame is trace.tb_frame and trace.tb_lineno in lines else ""

    def enable(self) -> None:
        """For all cells from now on. Threads of a cell may call its functions when it has ended: hence among the builtins."""
        self.enabled = True
        setattr(builtins, NAME, self)

    def forget(self) -> None:
        self._begun.clear()
        self._failed.clear()


seen = Seen()


class Watching:
    """Changes one `assert`."""

    def __init__(self, sites: list[Site], code: str) -> None:
        self._sites = sites
        self._code = code
        self._number = len(sites)
        self._places = 0

    def change(self, node: ast.Assert) -> None:
        test = self._parts(node.test)
        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        self._sites.append(Site(test, self._code, lines))
        node.test = self._call(node.test, self._call(node.test, ast.Constant(self._number)), test)

    def _parts(self, node: Any) -> Any:
        if isinstance(node, ast.Compare):
            node.left = self._operand(node.left)
            node.comparators = [self._operand(one) for one in node.comparators]
            return node
        if isinstance(node, ast.BoolOp):
            node.values = [self._kept(self._parts(one)) for one in node.values]
            return node
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            node.operand = self._parts(node.operand)
            return node
        return self._operand(node)

    def _operand(self, node: Any) -> Any:
        if isinstance(node, ast.Await):  # of a call: its arguments are shown as well
            self._arguments(node.value)
        self._arguments(node)
        return self._kept(node)

    def _arguments(self, node: Any) -> None:
        if isinstance(node, ast.Call):
            node.args = [self._kept(one) for one in node.args]
            for keyword in node.keywords:
                if keyword.arg is not None:
                    keyword.value = self._kept(keyword.value)

    def _kept(self, node: Any) -> Any:
        if isinstance(node, (ast.Constant, *OWN_SCOPE)) or kept_of(node) is not None:
            return node
        self._places += 1
        return self._call(node, ast.Constant(self._number), ast.Constant(self._places), node)

    def _call(self, at: ast.AST, *arguments: Any) -> Any:
        name = ast.copy_location(ast.Name(NAME, ast.Load()), at)
        return ast.copy_location(ast.Call(name, list(arguments), []), at)


def kept_of(node: Any) -> Any:
    """(place, the user's own expression) of what `_kept` made; else None."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == NAME:
        return node.args[1].value, node.args[2]  # type: ignore[attr-defined]
    return None


# ---------------------------------------------------------------------------------------------------------- the text


def explained(site: Site, values: dict[int, Any]) -> str:
    """As pytest shows it: the condition with its values, where they come from, and in what two containers differ."""
    text = Explanation(site, values)
    first = f"assert {text.condition(site.test)}"
    return "\n".join([first, *(f" +  where {line}" for line in text.origins), *text.differences])


class Explanation:
    def __init__(self, site: Site, values: dict[int, Any]) -> None:
        self._site = site
        self._values = values
        self.origins: list[str] = []
        self.differences: list[str] = []

    def condition(self, node: Any) -> str:
        kept = kept_of(node)
        if kept is not None:
            place, own = kept
            if isinstance(own, (ast.Compare, ast.BoolOp)) or is_not(own):
                return self.condition(own)
            return self._value(place, own)
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        if isinstance(node, ast.BoolOp):
            return self._decisive(node)
        if is_not(node):
            return f"not {self.condition(node.operand)}"
        return self._site.source(node)

    def _comparison(self, node: ast.Compare) -> str:
        operands = [node.left, *node.comparators]
        text = self.condition(operands[0])
        for operator, operand in zip(node.ops, operands[1:]):
            text += f" {OPERATORS[type(operator)]} {self.condition(operand)}"
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq):
            self.differences += differences(*(self._given(one) for one in operands))
        return text

    def _decisive(self, node: ast.BoolOp) -> str:
        """Of `and` the part that was false, with which it ended; of `or` all of them."""
        evaluated = [one for one in node.values if kept_of(one) and kept_of(one)[0] in self._values] or node.values
        if isinstance(node.op, ast.And):
            return self.condition(evaluated[-1])
        return " or ".join(f"({text})" if " and " in text else text for text in map(self.condition, evaluated))

    def _given(self, node: Any) -> Any:
        kept = kept_of(node)
        return self._values.get(kept[0]) if kept else getattr(node, "value", None)

    def _value(self, place: int, own: Any) -> str:
        if place not in self._values:  # of a comparison that had ended before
            return self._site.source(own)
        text = short(self._values[place])
        origin = self._origin(own)
        if not isinstance(own, ITSELF) and origin != text:
            self.origins.append(f"{text} = {origin}")
        return text

    def _origin(self, own: Any) -> str:
        if isinstance(own, ast.Await):
            return f"await {self._origin(own.value)}"
        if not isinstance(own, ast.Call) or any(isinstance(one, ast.GeneratorExp) for one in own.args):
            return self._site.source(own)
        given = [self._argument(one) for one in own.args]
        for one in own.keywords:
            given.append(f"{one.arg}={self._argument(one.value)}" if one.arg else f"**{self._site.source(one.value)}")
        return f"{self._site.source(own.func)}({', '.join(given)})"

    def _argument(self, node: Any) -> str:
        kept = kept_of(node)
        if kept is None:
            return self._site.source(node)
        value = self._values.get(kept[0], None)
        text = short(value)
        is_brief = kept[0] in self._values and len(text) <= MOST_OF_ARGUMENT and frame_text(value) is None
        return text if is_brief and not text.startswith("<") else self._site.source(kept[1])


def is_not(node: Any) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)


def cut(text: str, most: int = MOST_CHARACTERS) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


SHORTENED = reprlib.Repr()
SHORTENED.maxlist = SHORTENED.maxtuple = SHORTENED.maxset = SHORTENED.maxfrozenset = SHORTENED.maxdict = 12
SHORTENED.maxstring = SHORTENED.maxother = SHORTENED.maxlong = 200


def short(value: Any) -> str:
    try:
        text = frame_text(value)
        return cut(" ".join((SHORTENED.repr(value) if text is None else text).split("\n")))
    except Exception:  # noqa: BLE001 - `__repr__` of the user's class
        return f"<{type(value).__name__} whose repr fails>"


def frame_text(value: Any) -> Any:
    """Of a DataFrame its columns; None for anything else. The repr of Spark's may run a job."""
    if type(value).__name__ != "DataFrame":
        return None
    try:
        if type(value).__module__.startswith("pyspark.sql"):
            return "DataFrame[" + ", ".join(f"{name}: {kind}" for name, kind in value.dtypes) + "]"
        rows, columns = value.shape
        return f"DataFrame of {rows} × {columns}: " + ", ".join(map(str, list(value.columns)[:20]))
    except Exception:  # noqa: BLE001 - Spark was stopped, or it is another class of this name
        return "<DataFrame>"


def differences(left: Any, right: Any) -> list[str]:
    """In what two containers of a kind differ. Compared are the texts of their items: no code of the user's runs."""
    if type(left) is not type(right) or not isinstance(left, (list, tuple, dict, set, str)):
        return []
    if max(len(left), len(right)) > MOST_COMPARED:
        return [f"lengths: {len(left)} and {len(right)}"] if len(left) != len(right) else []
    if isinstance(left, str):
        return text_differences(left, right) if "\n" in left + right or len(left) > MOST_OF_ARGUMENT else []
    if isinstance(left, set):
        return beyond("left", texts_of(left), texts_of(right)) + beyond("right", texts_of(right), texts_of(left))
    if isinstance(left, dict):
        ours, theirs = ({short(key): short(one) for key, one in side.items()} for side in (left, right))
        changed = [key for key in ours if key in theirs and ours[key] != theirs[key]]
        found = [f"at {key}: {ours[key]} and {theirs[key]}" for key in changed[:3]]
        return found + beyond("left", [*ours], [*theirs]) + beyond("right", [*theirs], [*ours])
    for number, (one, other) in enumerate(zip(map(short, left), map(short, right))):
        if one != other:
            return [f"at {number}: {one} and {other}"]
    return [f"lengths: {len(left)} and {len(right)}"] if len(left) != len(right) else []


def texts_of(items: Any) -> list[str]:
    return sorted(map(short, items))


def beyond(side: str, texts: list[str], others: list[str]) -> list[str]:
    known = set(others)
    found = [text for text in texts if text not in known]
    return [cut(f"only {side}: {', '.join(found[:12])}")] if found else []


def text_differences(left: str, right: str) -> list[str]:
    for number, (one, other) in enumerate(zip(left.split("\n"), right.split("\n"))):
        if one != other:
            return [f"line {number + 1}: {short(one)} and {short(other)}"]
    return [f"lines: {len(left.splitlines())} and {len(right.splitlines())}"]
