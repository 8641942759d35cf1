"""`fabric-livy run` on an embedded Fabric without any file of workspaces: a notebook and those it runs, in other lakehouses of its repository.

The names of its own lakehouse are in the small case "Own Lakehouse And Runtime".
"""

from __future__ import annotations

from pathlib import Path

import pytest

from fabric_livy_magic.notebooks.model import Cell, Notebook
from tests.support.commands import fabric_livy
from tests.support.repositories import commit_lakehouse, commit_notebook
from tests.support.service import NO_DELTA

pytestmark = pytest.mark.spark

WORKSPACE, BRONZE, SILVER, KNOWN = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "1234")
HOST = "onelake.dfs.fabric.microsoft.com"
LAKEHOUSE = {
    "default_lakehouse": BRONZE,
    "default_lakehouse_name": "Bronze",
    "default_lakehouse_workspace_id": WORKSPACE,
    "known_lakehouses": [{"id": BRONZE}, {"id": KNOWN}],
}
METADATA = {"kernel_info": {"name": "synapse_pyspark"}, "dependencies": {"lakehouse": LAKEHOUSE}}

IN_SILVER = [
    '%%configure\n{"defaultLakehouse": {"name": "Silver"}}',
    f"""
spark.sql("CREATE SCHEMA Bronze.etl")
spark.range(3).write.saveAsTable("Bronze.t")
spark.range(6).write.saveAsTable("Bronze.dbo.old_form")
spark.range(7).write.saveAsTable("c")
spark.range(2).write.saveAsTable("Plain.p")
spark.range(1).write.format("delta").save("abfss://{WORKSPACE}@{HOST}/{KNOWN}/Tables/dbo/k")
""",
    """
assert spark.table("c").count() == spark.table("dbo.c").count() == 7
assert spark.table("Bronze.old_form").count() == 6
assert spark.table("Plain.p").count() == 2
assert spark.table("Known.k").count() == 1
assert notebookutils.runtime.context["defaultLakehouseName"] == "Silver"
import os
assert os.listdir("/lakehouse/default/Tables") == ["dbo"]
""",
    "%livy tables",
    # ---- a notebook that names another default lakehouse runs in that one
    """
assert notebookutils.notebook.run("Child Of Bronze", 90) == "Bronze 3 ['dbo', 'etl']"
ran = notebookutils.notebook.runMultiple(["Child Of Bronze", "Child Of Silver"])
assert [ran[name]["exitVal"].split()[0] for name in ran] == ["Bronze", "Silver"], ran
stays = notebookutils.notebook.run("Child Of Silver", 90, {"useRootDefaultLakehouse": True})
assert stays == notebookutils.notebook.run("Child Of Silver") == "Silver 7"
assert spark.table("Bronze.by_child").count() == 1
assert notebookutils.runtime.context["defaultLakehouseName"] == "Silver"
""",
]
CHILD_OF_BRONZE = """
import os

spark.range(1).write.mode("overwrite").saveAsTable("by_child")
with open("/lakehouse/default/Files/by_child.txt", "w") as written:
    written.write("x")
name = notebookutils.runtime.context["defaultLakehouseName"]
tables = sorted(os.listdir("/lakehouse/default/Tables"))
notebookutils.notebook.exit(f"{name} {spark.table('t').count()} {tables}")
"""
CHILD_OF_SILVER = """
notebookutils.notebook.exit(f"{notebookutils.runtime.context['defaultLakehouseName']} {spark.table('c').count()}")
"""
SILVER_LAKEHOUSE = {
    "default_lakehouse": SILVER,
    "default_lakehouse_name": "Silver",
    "default_lakehouse_workspace_id": WORKSPACE,
}


def commit(repository: Path) -> None:
    (repository / ".git").mkdir(parents=True)
    for name in ("Bronze", "Silver"):
        commit_lakehouse(repository / "data", name, defaultSchema="dbo")
    commit_lakehouse(repository / "data", "Plain")
    for name, cells, lakehouse in (
        ("In Silver", IN_SILVER, LAKEHOUSE),
        ("Child Of Bronze", [CHILD_OF_BRONZE], LAKEHOUSE),
        ("Child Of Silver", [CHILD_OF_SILVER], SILVER_LAKEHOUSE),
        ("Names Known", ["1"], {**LAKEHOUSE, "default_lakehouse": KNOWN, "default_lakehouse_name": "Known"}),
    ):
        metadata = {**METADATA, "dependencies": {"lakehouse": lakehouse}}
        notebook = Notebook(cells=tuple(Cell(source=one.strip()) for one in cells), metadata=metadata)
        commit_notebook(repository / "notebooks", name, notebook)


def test_lakehouses_exist_by_names_and_ids_with_their_schemas(tmp_path: Path) -> None:
    repository, house = tmp_path / "repository", tmp_path / "house"
    commit(repository)
    words = ("run", "notebooks/In Silver.Notebook", "--target", "local", "--output", "out.ipynb")
    done = fabric_livy(*words, folder=repository, timeout_s=1200, FABRIC_LIVY_LAKEHOUSE=str(house))
    if any(words in done.stdout for words in NO_DELTA):
        pytest.skip("Delta's jars cannot be had here")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    listed = done.stdout.partition("%livy tables")[2].partition("[")[0]
    assert "dbo.c " in listed
    assert "dbo.t " not in listed
    assert (house / "Tables" / "dbo" / "c" / "_delta_log").is_dir()
    (others,) = (house / "lakehouses").iterdir()
    assert sorted(path.name for path in others.iterdir()) == ["bronze", "known", "plain"]
    assert (others / "bronze" / "Tables" / "dbo" / "t" / "_delta_log").is_dir()
    assert (others / "bronze" / "Tables" / "etl").is_dir()
    assert (others / "plain" / "Tables" / "p" / "_delta_log").is_dir()
