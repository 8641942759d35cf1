"""`notebookutils`: secrets, variables, `runMultiple`, help."""

from __future__ import annotations

import base64
import builtins
import json
import time
from pathlib import Path
from typing import Any

import pytest

from fabric_livy_magic.local.lakehouse.workspaces import one_lakehouse
from fabric_livy_magic.local.sessions.child_notebooks import sql_statements, steps_of
from fabric_livy_magic.local.sessions.notebook_context import NOTEBOOK_VARIABLES, NotebookContext, notebook_id
from fabric_livy_magic.local.spark.settings import SessionFolders
from fabric_livy_magic.notebooks.files import write_notebook
from fabric_livy_magic.notebooks.model import Cell, Notebook
from tests.support.notebookutils import utilities


# ------------------------------------------------------------------------------------------------ secrets
@pytest.mark.parametrize("suffix", [".json", ".toml"])
def test_secrets_and_tokens_come_out_of_a_file_that_only_its_owner_reads(
    utils: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    file = tmp_path / f"secrets{suffix}"
    toml = '[vaults."My-Vault"]\n"db-password" = "p"\n[tokens]\npbi = "t"\n"https://x.example" = "u"\n'
    as_json = json.dumps(
        {"vaults": {"My-Vault": {"db-password": "p"}}, "tokens": {"pbi": "t", "https://x.example": "u"}}
    )
    file.write_text(as_json if suffix == ".json" else toml)
    file.chmod(0o600)
    monkeypatch.setenv("FABRIC_LIVY_SECRETS", str(file))
    credentials = utils.mssparkutils.credentials
    assert credentials.getSecret("https://my-vault.vault.azure.net/", "db-password") == "p"
    assert credentials.getSecret(akvName="my-vault", secret="db-password") == credentials.getSecretWithLS(
        "My-Vault", "db-password"
    )
    for audience in ("pbi", "https://analysis.windows.net/powerbi/api", "https://api.fabric.microsoft.com/.default"):
        assert credentials.getToken(audience) == "t"
    assert credentials.getToken("https://x.example") == "u"
    for call, message in [
        (lambda: credentials.getSecret("my-vault", "other"), "'my-vault' in the file of secrets has no 'other'"),
        (lambda: credentials.getSecret("other", "x"), "has no vault 'other'"),
        (lambda: credentials.getToken("storage"), "FABRIC_LIVY_TOKEN_STORAGE"),
    ]:
        with pytest.raises(Exception, match=message):
            call()
    file.chmod(0o640)
    with pytest.raises(Exception, match="chmod 600"):
        credentials.getSecret("my-vault", "db-password")


def test_a_token_comes_from_the_environment(utils: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_LIVY_TOKEN_STORAGE", "e")
    assert (
        utils.credentials.getToken("https://storage.azure.com/.default") == utils.credentials.getToken("storage") == "e"
    )


@pytest.mark.parametrize(("ends_in_s", "valid"), [(60, True), (-60, False)])
def test_a_token_is_valid_until_its_end(utils: Any, ends_in_s: int, valid: bool) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + ends_in_s}).encode()).decode().rstrip("=")
    assert utils.credentials.isValidToken(f"e30.{claims}.x") is valid
    assert not utils.credentials.isValidToken("no token")


# ------------------------------------------------------------------------------------------------ variable libraries
def test_variables_of_a_repository_are_attributes(tmp_path: Path) -> None:
    folder = tmp_path / "repository" / "Settings.VariableLibrary"
    (folder / "valueSets").mkdir(parents=True)
    variables = [
        {"name": "server", "type": "String", "value": "dev"},
        {"name": "days", "type": "Integer", "value": 7},
        {"name": "strict", "type": "Boolean", "value": "true"},
    ]
    (folder / "variables.json").write_text(json.dumps({"variables": variables}))
    overrides = {"name": "prod", "variableOverrides": [{"name": "days", "value": "30"}]}
    (folder / "valueSets" / "prod.json").write_text(json.dumps(overrides))
    with utilities(tmp_path, notebooks=str(tmp_path / "repository")) as utils:
        library = utils.variableLibrary.getLibrary("Settings")
        assert (library.server, library.days, library.strict) == ("dev", 7, True)
        assert utils.variableLibrary.get("$(/**/Settings/days)") == 7
        with pytest.raises(AttributeError, match="has no variable 'other'"):
            library.other  # noqa: B018
        with pytest.raises(Exception, match="There are: Settings"):
            utils.variableLibrary.getLibrary("Other")
    with utilities(tmp_path, notebooks=str(tmp_path / "repository"), value_set="prod") as utils:
        assert utils.variableLibrary.getLibrary("Settings").days == 30


def test_of_two_libraries_or_notebooks_with_one_name_the_nearest_to_the_caller_counts(tmp_path: Path) -> None:
    for stage in ("dev", "prod"):
        folder = tmp_path / stage / "Settings.VariableLibrary"
        folder.mkdir(parents=True)
        variables = [{"name": "stage", "type": "String", "value": stage}]
        (folder / "variables.json").write_text(json.dumps({"variables": variables}))
        write_notebook(tmp_path / stage / "Load.Notebook", Notebook(cells=(Cell(source=stage),)))
    for stage in ("dev", "prod"):
        file = tmp_path / stage / "below" / "Main.Notebook" / "notebook-content.py"
        with utilities(tmp_path, notebooks=str(tmp_path), notebook={"name": "Main", "file": str(file)}) as utils:
            assert utils.variableLibrary.get("$(/**/Settings/stage)") == stage
        assert [step.code for step in steps_of(tmp_path, "Load", {}, file)[1]] == [stage]


# ------------------------------------------------------------------------------------------------ where notebooks are
def test_notebooks_are_those_of_the_conf_then_of_the_variable_then_in_the_folder_of_the_one_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FABRIC_LIVY_NOTEBOOKS", *NOTEBOOK_VARIABLES):
        monkeypatch.delenv(name, raising=False)
    workspaces = one_lakehouse(tmp_path)

    def context(**conf: str) -> NotebookContext:
        named = {f"spark.fabric_livy.{key}": value for key, value in conf.items()}
        return NotebookContext(workspaces, workspaces.first_lakehouse, "s", "u", tmp_path, named)

    assert (context().notebooks, context().notebook) == (None, None)
    (tmp_path / "main.ipynb").touch()
    monkeypatch.setenv("FABRIC_LIVY_NOTEBOOK", str(tmp_path / "main.ipynb"))
    assert context().notebooks == tmp_path
    main = tmp_path / "main.ipynb"
    assert context().notebook == {"name": "main", "id": notebook_id(main), "file": str(main), "above": []}
    monkeypatch.setenv("FABRIC_LIVY_NOTEBOOKS", str(tmp_path / "a"))
    assert context().notebooks == tmp_path / "a"
    assert context(notebooks=str(tmp_path / "b"), notebook="other").notebooks == tmp_path / "b"
    assert context(notebook="other").notebook == {"name": "other", "id": None, "file": None, "above": []}
    theirs = tmp_path / "prod" / "main.ipynb"
    named = context(notebook="main", notebookFile=str(theirs)).notebook
    assert named == {"name": "main", "id": notebook_id(theirs), "file": str(theirs), "above": []}


def test_synapse_s_env_says_who_runs_the_code_and_where(utils: Any) -> None:
    env = utils.mssparkutils.env
    assert (env.getUserName(), env.getUserId()) == ("somebody", "somebody")
    assert env.getJobId() == env.getClusterId() == utils.runtime.context["clusterId"]
    assert (env.getWorkspaceName(), env.getPoolName()) == ("Sales", "local")


def test_a_notebook_s_resources_are_the_builtin_folder_beside_its_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FABRIC_LIVY_NOTEBOOKS", *NOTEBOOK_VARIABLES):
        monkeypatch.delenv(name, raising=False)
    beside = tmp_path / "Load.Notebook" / "builtin"
    beside.mkdir(parents=True)
    (beside / "rates.csv").write_text("EUR,1", encoding="utf-8")
    workspaces = one_lakehouse(tmp_path / "house")

    def resources(name: str) -> Path | None:
        conf = {"spark.fabric_livy.notebooks": str(tmp_path), "spark.fabric_livy.notebook": name}
        return NotebookContext(workspaces, workspaces.first_lakehouse, "s", "u", tmp_path, conf).resources

    assert (resources("Load"), resources("Other")) == (beside, None)
    folders = SessionFolders(tmp_path / "Bronze", tmp_path / "private", is_notebook=True)
    folders.make(resources("Load"))
    with utilities(tmp_path) as utils:
        assert Path(utils.nbResPath, "builtin", "rates.csv").read_text(encoding="utf-8") == "EUR,1"
        assert (folders.work / "builtin" / "rates.csv").samefile(beside / "rates.csv")
        assert (folders.work / "env").is_dir()
        fabric_path = "file:/synfs/nb_resource/builtin/rates.csv"
        assert [(one.path, one.size) for one in utils.fs.ls("file:///synfs/nb_resource/builtin")] == [(fabric_path, 5)]
        utils.fs.cp(fabric_path, "Files/rates.csv")
        assert utils.fs.head("Files/rates.csv") == "EUR,1"


# ------------------------------------------------------------------------------------------------ runMultiple
@pytest.mark.parametrize(
    ("dag", "message"),
    [
        ({}, "a list of names"),
        ([], "a list of names"),
        ({"activities": [{"path": "x"}]}, "a dict with a 'name'"),
        (["a", "a"], "two activities are called 'a'"),
        ({"activities": [{"name": "a", "dependencies": ["b"]}]}, "depends on 'b'"),
        ({"activities": [{"name": n, "dependencies": [m]} for n, m in ("ab", "ba")]}, "wait for each other: a, b"),
        ({"activities": [{"name": "a", "retries": 1}]}, "has 'retries'"),
        ({"activities": [{"name": "a", "retry": -1}]}, "retry of a is a number"),
        ({"activities": [{"name": "a"}], "concurrency": "two"}, "concurrency of the DAG"),
    ],
)
def test_an_invalid_dag_is_refused_with_the_reason(utils: Any, dag: Any, message: str) -> None:
    with pytest.raises(Exception, match=message):
        utils.notebook.validateDAG(dag)


class RecordedRuns:
    """Runs of which those of `failing` notebooks raise, the first `fails` times."""

    def __init__(self, *failing: str, fails: int = 99) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.failing = dict.fromkeys(failing, fails)
        self.ended = False

    def run(self, path: str, timeout_s: float, arguments: dict[str, Any], workspace: str) -> str:
        from notebookutils._errors import NotebookRunFailed

        self.calls.append((path, arguments))
        if self.failing.get(path, 0) > 0:
            self.failing[path] -= 1
            raise NotebookRunFailed(f"{path} failed")
        return f"{path} done"

    def end(self) -> None:
        self.ended = True


def run_dag(dag: Any, runs: RecordedRuns) -> Any:
    from notebookutils import _dag

    return _dag.run_all(_dag.read_dag(dag, 90), runs)


def test_activities_run_after_those_they_depend_on_and_get_their_exit_values(utils: Any) -> None:
    runs = RecordedRuns()
    dag = {
        "activities": [
            {"name": "b", "path": "B", "args": {"x": "<@activity('a').exitValue()>"}, "dependencies": ["a"]},
            {"name": "a", "path": "A", "args": {"n": 1}},
        ]
    }
    assert run_dag(dag, runs) == {
        "b": {"exitVal": "B done", "exception": None},
        "a": {"exitVal": "A done", "exception": None},
    }
    assert runs.calls == [("A", {"n": 1}), ("B", {"x": "<A done>"})]
    assert runs.ended


def test_what_depends_on_a_failed_activity_does_not_run(utils: Any) -> None:
    runs = RecordedRuns("a")
    result = run_dag({"activities": [{"name": "a"}, {"name": "b", "dependencies": ["a"]}, {"name": "c"}]}, runs)
    assert str(result["b"]["exception"]) == "Job b failed due to upstream job a failed"
    assert sorted(path for path, _ in runs.calls) == ["a", "c"]
    assert result["c"] == {"exitVal": "c done", "exception": None}


def test_a_failed_activity_is_retried_as_often_as_its_retry_says(utils: Any) -> None:
    runs = RecordedRuns("a", fails=2)
    assert (
        run_dag({"activities": [{"name": "a", "retry": 2, "retryIntervalInSeconds": 0}]}, runs)["a"]["exception"]
        is None
    )
    assert len(runs.calls) == 3


def test_a_dag_that_takes_too_long_is_ended(utils: Any) -> None:
    class Slow(RecordedRuns):
        def run(self, *arguments: Any) -> str:
            while not self.ended:
                time.sleep(0.01)
            return "late"

    result = run_dag(
        {"activities": [{"name": "a"}, {"name": "b", "dependencies": ["a"]}], "timeoutInSeconds": 0.2}, Slow()
    )
    assert all("timeoutInSeconds" in str(one["exception"]) for one in result.values())


def test_an_exit_is_an_exception_whose_text_is_the_value(utils: Any) -> None:
    with pytest.raises(Exception, match=r"^7$") as raised:
        utils.notebook.exit(7)
    assert type(raised.value).__name__ == "NotebookExit"


# ------------------------------------------------------------------------------------------------ help, refusals, SQL
def test_help_lists_each_function_with_its_signature(utils: Any, capsys: pytest.CaptureFixture[str]) -> None:
    utils.help()
    utils.fs.help()
    utils.fs.help("mv")
    utils.runtime.help()
    printed = capsys.readouterr().out
    for text in ("variableLibrary:", "cp(src", "create_path", "currentWorkspaceName: Sales"):
        assert text in printed


@pytest.mark.parametrize(
    "call",
    [
        lambda utils: utils.data.connect_to_artifact("x", "y"),
        lambda utils: utils.notebook.getDefinition("x"),
        lambda utils: utils.credentials.putSecret("v", "s", "x"),
    ],
)
def test_what_only_the_service_can_do_is_refused(utils: Any, call: Any) -> None:
    with pytest.raises(Exception, match="needs the service"):
        call(utils)


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT ';' ; -- a; b\nSELECT `;`;", ["SELECT ';'", "-- a; b\nSELECT `;`"]),
        ("-- it's a comment\n;;\n/* only ; this */", []),
        ("SELECT 'it''s; ' AS a; SELECT \"\\\";\"", ["SELECT 'it''s; ' AS a", 'SELECT "\\";"']),
        ("SELECT 4/2-1; SELECT 1 -- end", ["SELECT 4/2-1", "SELECT 1 -- end"]),
    ],
)
def test_sql_is_cut_into_its_statements(text: str, statements: list[str]) -> None:
    assert sql_statements(text) == statements


def test_what_shows_values_is_there_under_fabric_s_names(
    utils: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[object] = []
    assert utils.enableMatplotlib() is None
    assert utils.visualization.enableMatplotlib() is None
    utils.visualization.display("without a front end")
    assert capsys.readouterr().out == "without a front end\n"
    monkeypatch.setattr(builtins, "displayHTML", shown.append, raising=False)  # as the agent does while a cell runs
    utils.displayHTML("<b>bold</b>")
    assert shown == ["<b>bold</b>"]


def test_code_of_a_notebook_works_in_a_folder_of_the_session_with_the_lakehouse_and_the_resources(
    tmp_path: Path,
) -> None:
    folders = SessionFolders(tmp_path / "Bronze", tmp_path / "private", is_notebook=True)
    folders.make()
    assert sorted(path.name for path in folders.work.iterdir()) == ["Files", "Tables", "builtin", "env"]
    (folders.work / "Files" / "one.csv").write_text("a", encoding="utf-8")
    assert (tmp_path / "Bronze" / "Files" / "one.csv").is_file()
    plain = SessionFolders(tmp_path / "Bronze", tmp_path / "other")
    plain.make()
    assert plain.work == tmp_path / "Bronze"
