"""docs/reference has a line for each magic, setting, environment variable, error, message and state of the product, and for no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest

from fabric_livy_magic.cells.kernel_cells import CELL_MAGICS_IN_SESSION, LINE_MAGICS_IN_SESSION, MAGIC_ALIASES
from fabric_livy_magic.errors import FabricLivyError, Interrupted
from fabric_livy_magic.livy.models import BatchState, SessionState, StatementState
from fabric_livy_magic.settings import ENVIRONMENT_PREFIX, Settings, setting_names
from fabric_livy_magic.started_processes import SECRET_VARIABLES
from fabric_livy_magic.testing import plugin
from tests.support.messages import ERRORS, PUT_IN, texts, trees
from tests.support.reference_pages import FOLDER, PAGES
from tests.support.rooms import PACKAGE, ROOT


def page(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_is_written_from_the_code_is_that_of_now(name: str) -> None:
    assert page(name) == PAGES[name](), "python -m tests.support.reference_pages --write"


def first_columns(text: str) -> list[str]:
    """The names in the first column of all tables."""
    rows = re.findall(r"^\| (`[^|]*?) \|", text, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def test_the_page_of_settings_has_each_of_them_with_its_variable() -> None:
    assert first_columns(page("settings.md")) == setting_names()
    for name in setting_names():
        assert f"`{ENVIRONMENT_PREFIX}{name.upper()}`" in page("settings.md")


# ------------------------------------------------------------------------------------------------ errors and states
def test_the_page_of_errors_has_each_type_with_the_one_that_it_comes_from() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (.+) \| (.+) \|$", page("errors.md"), re.MULTILINE)
    assert {name: base for name, base, _, _ in rows} == {name: one.__mro__[1].__name__ for name, one in ERRORS.items()}
    assert [name for name, *_ in rows][:1] == [FabricLivyError.__name__]
    assert [name for name, *_ in rows][-1:] == [Interrupted.__name__]


def test_no_other_module_defines_an_error_that_a_user_gets_but_the_page_has_it() -> None:
    others = {
        node.name
        for path, tree in trees().items()
        if path.name != "errors.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and {base.id for base in node.bases if isinstance(base, ast.Name)} & set(ERRORS)
    }
    assert {name for name in others if not name.startswith("_")} - CAUGHT == set()


# Control flow of ours: each is caught before it reaches a person.
CAUGHT = frozenset({"JobFailed"})


@pytest.mark.parametrize(
    ("heading", "states"), [("session", SessionState), ("statement", StatementState), ("batch", BatchState)]
)
def test_the_page_of_states_has_each_state(heading: str, states: type[SessionState]) -> None:
    part = page("states.md").partition(f"## Of a {heading}\n")[2].partition("\n## ")[0]
    assert sorted(first_columns(part)) == sorted(states)


# ------------------------------------------------------------------------------------------------ environment variables
# Texts in capitals that are no environment variables: words of Spark, Livy, OpenSSL, SQL and of the system.
NO_VARIABLES = re.compile(
    r"\w+_TYPE|SC_PHYS_PAGES|SC_PAGE_SIZE|TIMESTAMP_(N|L)TZ|SCHEMA_NOT_FOUND|SESSION_FAILED|SYSTEM_ERROR|LIVY_JOB_\w+|CONTAINER_ID|"
    r"GATEWAY_SERVER|HTTP_REQUEST|RECORD_LAYER_FAILURE|WRONG_VERSION_NUMBER|CERTIFICATE_VERIFY_FAILED"
)
ONE_WORD = {"DISPLAY", "CODESPACES", "PATH", "USERNAME"}


def variables() -> Mapping[str, str]:
    """Each text of the source that can be an environment variable, with a place of it."""
    return {
        found.text: found.where
        for found in texts()
        if (re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", found.text) or found.text in ONE_WORD)
        and not NO_VARIABLES.fullmatch(found.text)
    }


def documented_variables() -> set[str]:
    of_settings = {ENVIRONMENT_PREFIX + name.upper() for name in setting_names()}
    of_azure = {str(one.metadata["azure"]) for one in fields(Settings) if "azure" in one.metadata}
    return of_settings | of_azure | set(re.findall(r"`([A-Z][A-Z0-9_]+)`", page("environment_variables.md")))


def test_each_environment_variable_that_the_package_reads_has_a_line() -> None:
    found = {**variables(), **dict.fromkeys(SECRET_VARIABLES, "started_processes.py")}
    assert {name: where for name, where in found.items() if name not in documented_variables()} == {}


def test_each_environment_variable_of_the_page_is_in_the_source() -> None:
    source = set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", " ".join(path.read_text(encoding="utf-8") for path in trees())))
    elsewhere = {"NO_PROXY", "FABRIC_LIVY_TOKEN_STORAGE"}  # read by requests; made of a prefix and a name
    names = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", page("environment_variables.md"))) - elsewhere
    of_settings = {ENVIRONMENT_PREFIX + name.upper() for name in setting_names()}
    assert names - of_settings - source == set()


# ------------------------------------------------------------------------------------------------ kernel and pytest
def test_the_page_of_the_kernel_has_each_magic_that_acts_on_the_session() -> None:
    text = (ROOT / "docs" / "kernel.md").read_text(encoding="utf-8")
    magics = {*MAGIC_ALIASES, *CELL_MAGICS_IN_SESSION, *LINE_MAGICS_IN_SESSION}
    assert {name for name in magics if not re.search(rf"(%%?|`|!){name}\b", text)} - SPOKEN_OTHERWISE == set()


# `name?` and `name??`; sparkmagic's, which is in the table of its magics; the same as `%%sql`.
SPOKEN_OTHERWISE = {"pinfo", "pinfo2", "matplot", "sparksql"}


def test_each_option_setting_and_fixture_of_pytest_is_on_a_page() -> None:
    tree = trees()[PACKAGE / "testing" / "plugin.py"]
    said = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "addoption"
        if isinstance(node.args[0], ast.Constant)
    }
    fixtures = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and any("fixture" in ast.unparse(one) for one in node.decorator_list)
    }
    settings = {plugin.MOCKS, plugin.TARGET, plugin.CELL_LIMIT, plugin.NOTEBOOK_LIMIT}
    assert len(said) >= 6
    assert len(fixtures) >= 6
    pages = "".join(
        (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("testing.md", "notebook_tests.md", "mocks.md")
    )
    assert {name for name in said | settings | fixtures if not name.startswith("_") and name not in pages} == set()


# ------------------------------------------------------------------------------------------------ troubleshooting
def test_each_message_in_troubleshooting_is_one_of_the_package() -> None:
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8").partition("## Front ends")[0]
    quoted = [row for row in re.findall(r"^\| (.+?) \| .+ \|$", text, re.MULTILINE) if row not in {"message", "---"}]
    assert len(quoted) > 30
    said = [re.sub(r"\s+", " ", one.text) for one in texts()]
    for message in quoted:
        assert any(message in one.replace(PUT_IN, "…") for one in said), message


def test_the_reference_is_reached_from_the_start() -> None:
    start = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    missing = [path.name for path in Path(FOLDER).glob("*.md") if f"reference/{path.name}" not in start]
    assert missing in ([], ["messages.md"])  # that one is reached from troubleshooting
