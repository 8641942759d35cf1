"""The pytest plugin. It loads nothing but this module where no test asks for one of its fixtures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fabric_livy_magic.errors import FabricLivyError

if TYPE_CHECKING:
    from fabric_livy_magic.sessions.session import Session
    from fabric_livy_magic.testing.fresh_lakehouse import FreshLakehouse
    from fabric_livy_magic.testing.mocks import Mocks
    from fabric_livy_magic.testing.notebook_runner import NotebookRunner
    from fabric_livy_magic.testing.targets import FabricOfTests

PACKAGE = Path(__file__).parents[1]
TARGET, MOCKS = "fabric_target", "fabric_mocks"
OWN_SPARK = "fabric_spark_of_its_own"  # as in `notebook_runner`
CELL_LIMIT, NOTEBOOK_LIMIT = "fabric_cell_timeout", "fabric_notebook_timeout"
CELL_LIMIT_S, NOTEBOOK_LIMIT_S = "300", "900"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fabric-livy", "notebooks of Microsoft Fabric")
    group.addoption(
        "--fabric-target",
        metavar="TARGET",
        help="where tests run: local (the default), WORKSPACE/LAKEHOUSE, an address",
    )
    group.addoption("--fabric-cell-timeout", metavar="SECONDS", help=f"of one cell of a notebook ({CELL_LIMIT_S})")
    group.addoption("--fabric-notebook-timeout", metavar="SECONDS", help=f"of a whole notebook ({NOTEBOOK_LIMIT_S})")
    group.addoption(
        "--fabric-notebooks",
        metavar="FOLDER",
        action="append",
        help="collect the notebooks below it that are tests: whose name begins or ends with `test`, or with the tag `test`",
    )
    group.addoption(
        "--fabric-coverage",
        action="store_true",
        help="tell which cells and lines of notebooks ran, and lines of modules",
    )
    group.addoption(
        "--fabric-mocks",
        metavar="FOLDER",
        help="answers for secrets, HTTP and the like, for all tests; see docs/mocks.md",
    )
    parser.addini(MOCKS, "as --fabric-mocks, from the root folder of the tests", default="")
    parser.addini(TARGET, "as --fabric-target", default="local")
    parser.addini(CELL_LIMIT, "seconds that one cell of a notebook may take", default=CELL_LIMIT_S)
    parser.addini(NOTEBOOK_LIMIT, "seconds that a whole notebook may take", default=NOTEBOOK_LIMIT_S)


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("fabric_notebooks") or config.getoption("fabric_coverage"):
        from fabric_livy_magic.testing.notebook_plugin import NotebookPlugin

        config.pluginmanager.register(NotebookPlugin(config), "fabric-livy-notebooks")


def chosen(config: pytest.Config, name: str) -> str:
    """The value of an option, else of the setting of that name in the ini file."""
    return str(config.getoption(name) or config.getini(name))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """An error of this package says what happened by its text: pytest shows the frames of the tests above it, not ours."""
    if call.excinfo is None or not isinstance(call.excinfo.value, FabricLivyError):
        return
    of_tests = [one for one in call.excinfo.traceback if _is_of_tests(Path(one.path), item.config.rootpath)]
    if of_tests:
        of_tests[-1]._rawentry.tb_next = None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Which tests took the seconds of another start of Spark."""
    reports = [one for some in terminalreporter.stats.values() for one in some if isinstance(one, pytest.TestReport)]
    lines = dict.fromkeys(
        f"{one.nodeid}: {value}" for one in reports for key, value in one.user_properties if key == OWN_SPARK
    )
    if lines:
        terminalreporter.section("notebooks whose %%configure asked for a Spark application of their own")
        for line in lines:
            terminalreporter.line(line)


def _is_of_tests(path: Path, root: Path) -> bool:
    return path.is_relative_to(root) and not path.is_relative_to(PACKAGE) and "site-packages" not in path.parts


@pytest.fixture(scope="session")
def fabric(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FabricOfTests]:
    """The Fabric that the tests of this process run on: an embedded one, started once, or that of --fabric-target."""
    from fabric_livy_magic.testing.targets import open_target

    target = chosen(request.config, TARGET)
    with open_target(target, tmp_path_factory.mktemp("fabric"), request.config.rootpath) as found:
        yield found


@pytest.fixture(scope="session")
def lakehouse_snapshot() -> Path | None:
    """The folder that each fresh lakehouse begins as a copy of. Override it in a conftest.py: see `fabric.snapshot`."""
    return None


@pytest.fixture
def lakehouse(
    request: pytest.FixtureRequest, fabric: FabricOfTests, lakehouse_snapshot: Path | None
) -> Iterator[FreshLakehouse]:
    """A lakehouse of this test alone, with all that the repository's notebooks name."""
    if chosen(request.config, MOCKS):
        request.getfixturevalue("fabric_mocks")
    with fabric.fresh_lakehouse(lakehouse_snapshot) as fresh:
        yield fresh


@pytest.fixture
def fabric_mocks(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Mocks]:
    """Answers for the notebooks and the session of this test: `fabric_mocks.secret("vault", "name", "value")`. With it nothing else
    answers: no network, no real secret."""
    from fabric_livy_magic.notebooks.mocks import folders_of, used_text
    from fabric_livy_magic.testing.mocks import Mocks

    config = request.config
    beside = config.invocation_params.dir if config.getoption(MOCKS) else config.rootpath
    shared = folders_of(chosen(config, MOCKS), beside)
    made = Mocks(tmp_path_factory.mktemp("mocks"), shared)
    for name, value in made.environ.items():
        monkeypatch.setenv(name, value)
    yield made
    request.node.user_properties.append(("mocks", used_text(made.used)))


@pytest.fixture
def spark_session(lakehouse: FreshLakehouse) -> Session:
    """A session on the test's lakehouse: `.sql`, `.frame`, `.put`, `.run`."""
    return lakehouse.session


@pytest.fixture
def run_notebook(
    request: pytest.FixtureRequest,
    lakehouse: FreshLakehouse,
    tmp_path_factory: pytest.TempPathFactory,
) -> NotebookRunner:
    """Runs a notebook of the repository on the test's lakehouse: `run_notebook("Load", rows=7)`."""
    from fabric_livy_magic.testing.collection import RUNS
    from fabric_livy_magic.testing.notebook_runner import NotebookRunner, limits_of
    from fabric_livy_magic.testing.recording import Recorder

    lakehouse.kernels.prepare()
    covers = request.config.getoption("fabric_coverage")
    recorder = Recorder(lakehouse.repository.root, tmp_path_factory.mktemp("lines") if covers else None)
    request.node.stash[RUNS] = recorder.reports

    def record(name: str, value: object) -> None:
        """As `record_property`, which warns of `xunit2` although that keeps properties, and cannot warn of an item without a line."""
        request.node.user_properties.append((name, value))

    limits = limits_of(chosen(request.config, CELL_LIMIT), chosen(request.config, NOTEBOOK_LIMIT))
    return NotebookRunner(lakehouse, request.path, limits, recorder, record)
