"""The wheel and the source archive."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

import fabric_livy_magic
from fabric_livy_magic.magics.magics import FabricLivyMagics
from fabric_livy_magic.sessions.connect import connect
from tests.support.environments import ROOT
from tests.support.reference_pages import PUBLIC

MOST_BYTES = 1_000_000
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def names(wheel: Path) -> list[str]:
    return zipfile.ZipFile(wheel).namelist()


@pytest.mark.release
def test_the_wheel_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size <= MOST_BYTES


@pytest.mark.release
def test_the_wheel_has_the_package_and_what_jupyter_looks_for(wheel: Path) -> None:
    found = names(wheel)
    assert {name.partition("/")[0] for name in found} == {
        "fabric_livy_magic",
        f"fabric_livy_magic-{fabric_livy_magic.__version__}.data",
        f"fabric_livy_magic-{fabric_livy_magic.__version__}.dist-info",
    }
    shared = {name.partition("/share/")[2] for name in found if "/share/" in name}
    assert {
        f"jupyter/kernels/{path.parent.name}/kernel.json" for path in ROOT.glob("kernelspec/*/kernel.json")
    } <= shared
    assert "jupyter/labextensions/fabric-livy-magic/package.json" in shared
    assert "fabric-livy-magic/notebooks/01_quickstart.ipynb" in shared


@pytest.mark.release
def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    package = ROOT / "fabric_livy_magic"
    files = {path.relative_to(ROOT).as_posix() for path in package.rglob("*") if path.is_file()}
    files = {name for name in files if "__pycache__" not in name}
    assert files == {name for name in names(wheel) if name.startswith("fabric_livy_magic/")}


@pytest.mark.release
def test_the_code_in_the_wheel_is_that_of_the_repository_line_for_line(wheel: Path) -> None:
    """Comments and docstrings of internal names are blank there."""
    archive = zipfile.ZipFile(wheel)
    for name in filter(lambda name: name.endswith(".py"), archive.namelist()):
        small, whole = archive.read(name).decode(), (ROOT / name).read_text(encoding="utf-8")
        assert small.count("\n") == whole.count("\n"), name
        assert code(small) == code(whole), name


def code(source: str) -> list[tuple[object, ...]]:
    """All that stands in it, and where, without docstrings."""
    tree = ast.parse(source)
    for node in [node for node in ast.walk(tree) if isinstance(node, DOCUMENTED)]:
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        node.body = body if [type(one) for one in body] != [ast.Pass] else []  # `pass` stands for a docstring alone
    found: list[tuple[object, ...]] = []
    for node in ast.walk(tree):
        place = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
        found.append((type(node), place, *(repr(part) for _, part in ast.iter_fields(node) if not is_node(part))))
    return found


def is_node(part: object) -> bool:
    return isinstance(part, ast.AST) or (isinstance(part, list) and any(isinstance(one, ast.AST) for one in part))


@pytest.mark.release
def test_in_the_wheel_the_python_api_and_the_functions_of_a_session_have_their_docstrings(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    session = [name for name in archive.namelist() if "/session_packages/" in name and name.endswith(".py")]
    documented = {f"{kind.__module__.replace('.', '/')}.py" for kind in (connect, FabricLivyMagics, *PUBLIC.values())}
    for name in sorted({*session, *documented}):
        assert docstrings(archive.read(name).decode()) == docstrings((ROOT / name).read_text(encoding="utf-8")), name


def docstrings(source: str) -> list[str]:
    return [ast.get_docstring(node) or "" for node in ast.walk(ast.parse(source)) if isinstance(node, DOCUMENTED)]


@pytest.mark.release
def test_the_source_archive_has_what_a_packager_needs(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        found = {name.partition("/")[2] for name in opened.getnames()}
    needed = (
        "pyproject.toml LICENSE README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md tests/conftest.py docs/platforms.md"
    )
    assert set(needed.split()) <= found


@pytest.mark.release
def test_the_metadata_says_version_licence_and_extras(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = [one for one in archive.namelist() if one.endswith(".dist-info/METADATA")]
    metadata = message_from_bytes(archive.read(name))
    assert metadata["Version"] == fabric_livy_magic.__version__
    assert metadata["License-Expression"] == "MIT"
    assert {"local", "runtime", "debug"} <= set(metadata.get_all("Provides-Extra"))
    assert any(one.endswith("/licenses/LICENSE") for one in archive.namelist())


def test_the_version_stands_in_one_place() -> None:
    """The installed package, the extension of JupyterLab and the changelog say the same."""
    version = fabric_livy_magic.__version__
    assert importlib.metadata.version("fabric-livy-magic") == version
    assert json.loads((ROOT / "labextension" / "package.json").read_text(encoding="utf-8"))["version"] == version
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## ([\d.]+)", changelog, re.MULTILINE)[0] == version
