"""What this package needs, with its licences, as docs/dependencies.md has it: from pyproject.toml and the installed packages.

python -m tests.support.dependencies_page          prints it; --write puts it into docs/dependencies.md
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "dependencies.md"
PYPROJECT = ROOT / "pyproject.toml"
BEGIN = "<!-- dependencies: written by `python -m tests.support.dependencies_page --write` -->\n"
END = "<!-- end of dependencies -->"
# A list, and a line of one: the requirement, and what stands behind it.
LIST = re.compile(r"^([a-z-]+) = \[\n(.*?)^\]$", re.MULTILINE | re.DOTALL)
LINE = re.compile(r'^  "([A-Za-z][^"]*)",[ ]*(?:#[ ]*(.*))?$', re.MULTILINE)
EXTRAS = ("local", "runtime", "debug")  # of users; those of people who change the code are in pyproject.toml
# Licences as packages write them → their SPDX names.
SPDX = {
    "apache": "Apache-2.0",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd-3": "BSD-3-Clause",
    "bsd": "BSD-3-Clause",
    "mit": "MIT",
    "python software foundation": "PSF-2.0",
    "psf": "PSF-2.0",
    "mozilla public license 2.0": "MPL-2.0",
    "mpl-2.0": "MPL-2.0",
    "isc": "ISC",
    "unlicense": "Unlicense",
    "hpnd": "HPND",
    "gnu general public license v2": "GPL-2.0-only",
}


def reasons(extra: str = "") -> dict[str, str]:
    lists = dict(LIST.findall(PYPROJECT.read_text(encoding="utf-8")))
    return dict(LINE.findall(lists[extra or "dependencies"]))


def requirements(extra: str = "") -> list[str]:
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    found: list[str] = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return found


def licence_of(found: Distribution) -> str:
    """Its SPDX expression where it has one, else what its text or its classifiers say; empty where it says nothing."""
    if expression := found.metadata["License-Expression"]:
        return str(expression)
    classifiers = found.metadata.get_all("Classifier") or []
    texts = [one.rpartition("::")[2] for one in classifiers if one.startswith("License ::")]
    texts.append((found.metadata["License"] or "").partition("\n")[0])
    for text in texts:
        for words, name in SPDX.items():
            if re.search(rf"\b{re.escape(words)}\b", text, re.IGNORECASE):
                return name
    return ""


def installed_tree(roots: list[str]) -> Iterator[Distribution]:
    """What these requirements bring, as far as it is installed here, by name."""
    seen: dict[str, Distribution] = {}
    waiting = [Requirement(text) for text in roots]
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        if name in seen or (
            one.marker and not any(one.marker.evaluate({"extra": extra}) for extra in ("", *one.extras))
        ):
            continue
        try:
            seen[name] = distribution(name)
        except PackageNotFoundError:
            continue
        waiting += [Requirement(text) for text in seen[name].requires or () if "extra ==" not in text]
    return (seen[name] for name in sorted(seen))


def needed(extra: str = "") -> str:
    known = reasons(extra)
    rows = []
    for text in requirements(extra):
        one = Requirement(text)
        where = f" on {one.marker}".replace('"', "").replace("python_version", "Python") if one.marker else ""
        versions = text.partition(";")[0].removeprefix(one.name).strip()
        rows.append(f"| {one.name} | `{versions}`{where} | {known[text].replace('|', '/')} |")
    return "\n".join(["| package | versions | why, and why from there |", "|---|---|---|", *rows])


def licences(roots: list[str]) -> str:
    found = (f"| {one.metadata['Name']} | {licence_of(one)} |" for one in installed_tree(roots))
    return "\n".join(["| package | licence |", "|---|---|", *sorted(found, key=str.lower)])


def text() -> str:
    parts = [f"## The base install\n\n{needed()}"]
    parts += [f"## With `[{extra}]`\n\n{needed(extra)}" for extra in EXTRAS]
    return "\n\n".join(parts)


def licence_text() -> str:
    local = [*requirements(), *requirements("local")]
    return f"### The base install\n\n{licences(requirements())}\n\n### The base install with `[local]`\n\n{licences(local)}"


def page_with(page: str, part: str) -> str:
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{part}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        written = page_with(PAGE.read_text(encoding="utf-8"), text())
        head, _, _ = written.partition("## Licences")
        PAGE.write_text(f"{head}## Licences\n\n{licence_text()}\n", encoding="utf-8")
    else:
        print(text(), licence_text(), sep="\n\n")
