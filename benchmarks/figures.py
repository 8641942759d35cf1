"""Figures of a run side by side: their table, and what became worse since kept ones. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

WORSE = 0.9  # a ratio below this part of the kept one is told
HEADER = "| | fabric-livy-magic | beside it | takes | times as fast |\n|---|---:|---|---:|---:|"


@dataclass(frozen=True)
class Figure:
    """`peer_s` is None where it could not be measured, and `why` says why."""

    what: str
    own_s: float
    peer: str
    peer_s: float | None = None
    why: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times as fast as the peer this package is."""
        return None if self.peer_s is None else self.peer_s / self.own_s


def seconds(value: float) -> str:
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"


def times(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}"


def row(figure: Figure) -> str:
    took = [figure.why or "not measured", ""]
    if figure.peer_s is not None and figure.ratio is not None:
        took = [seconds(figure.peer_s), times(figure.ratio)]
    cells = [figure.what, seconds(figure.own_s), figure.peer, *took]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def table(figures: Iterable[Figure]) -> str:
    return "\n".join([HEADER, *map(row, figures)])


def described(about: Mapping[str, Any]) -> str:
    """The lines above a table: where, when and with what it was measured."""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return f"{about['date']} · {about['machine']} · `{about['command']}`\n\n{versions}"


QUOTE_BEGIN = "<!-- figures: written by `python benchmarks/run.py --keep` -->"
QUOTE_END = "<!-- end of figures -->"


def quote(figures: Sequence[Figure], about: Mapping[str, Any]) -> str:
    """What the README says of them: a row for each thing, with the ratio beside each that was measured."""
    said: dict[str, list[str]] = {}
    own_s = {one.what: one.own_s for one in figures}
    for one in figures:
        if one.ratio is not None:
            said.setdefault(one.what, []).append(f"{times(one.ratio)} × {one.peer}")
    rows = [f"| {what} | {seconds(own_s[what])} | {'; '.join(beside)} |" for what, beside in said.items()]
    head = f"{about['date']}, `{about['command']}`, {about['machine']}:"
    return "\n".join([QUOTE_BEGIN, head, "", "| | takes | times as fast as |", "|---|---:|---|", *rows, QUOTE_END])


def with_quote(page: str, quoted: str) -> str:
    """The page with its quoted figures replaced."""
    before, _, rest = page.partition(QUOTE_BEGIN)
    return before + quoted + rest.partition(QUOTE_END)[2]


def as_json(figures: Iterable[Figure], about: Mapping[str, Any]) -> str:
    records = [{**asdict(figure), "ratio": figure.ratio} for figure in figures]
    return json.dumps({**about, "figures": records}, indent=1, ensure_ascii=False) + "\n"


def from_json(text: str) -> tuple[list[Figure], dict[str, Any]]:
    about = json.loads(text)
    records = about.pop("figures")
    return [Figure(**{key: one[key] for key in Figure.__dataclass_fields__}) for one in records], about


def became_worse(figures: Sequence[Figure], kept: Sequence[Figure]) -> list[str]:
    """A line for each kept ratio that is worse now by more than a tenth, or is not there any more."""
    now = {(one.what, one.peer): one.ratio for one in figures}
    lines = []
    for one in kept:
        if one.ratio is None:
            continue
        ratio, name = now.get((one.what, one.peer)), f"{one.what}, beside {one.peer}"
        if ratio is None:
            lines.append(f"{name}: was {times(one.ratio)} times as fast, and is not measured now")
        elif ratio < WORSE * one.ratio:
            lines.append(f"{name}: {times(ratio)} times as fast, was {times(one.ratio)}")
    return lines


def compared(figures: Sequence[Figure], kept: Sequence[Figure], about: Mapping[str, Any]) -> tuple[str, bool]:
    """What there is to say beside kept figures, and whether one became worse."""
    lines = became_worse(figures, kept)
    since = f"{about['date']} on {about['machine']}"
    if not lines:
        return f"No ratio became worse by more than a tenth since {since}.", False
    return "\n".join([f"Worse by more than a tenth since {since}:", *(f"- {line}" for line in lines)]), True
