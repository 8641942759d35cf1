"""Every spelling of lakehouse names and paths: what is written by one of them can be read by all others, at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support import service
from tests.support.service import NO_DELTA, Api, Session

pytestmark = pytest.mark.spark

SALES, BRONZE, SILVER = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "123")
WORKSPACES = f"""
[[workspaces]]
name = "Sales EMEA"
id = "{SALES}"
[[workspaces.lakehouses]]
name = "Silver"
id = "{SILVER}"
folder = "sales/silver"
schemas = true
[[workspaces.lakehouses]]
name = "Bronze"
id = "{BRONZE}"
folder = "sales/bronze"

[[workspaces]]
name = "Finance"
[[workspaces.lakehouses]]
name = "Gold"
folder = "finance/gold"
schemas = true
"""
HOST = "onelake.dfs.fabric.microsoft.com"
# In a child process, whose file calls are not mapped.
MOUNTED = "import subprocess; print(subprocess.run(['test', '-d', '/lakehouse/default']).returncode == 0)"
BY_NAME, BY_ID = f"abfss://Sales EMEA@{HOST}", f"abfss://{SALES}@{HOST}"


class Cell(NamedTuple):
    """`answer` is the text of a PySpark cell, the rows of an SQL cell, or, with `fails`, part of the error.

    `mounted` ones need a system that lets a user mount.
    """

    what: str
    code: str
    answer: Any
    kind: str = "sql"
    fails: bool = False
    mounted: bool = False


def python(what: str, code: str, answer: str, *, fails: bool = False, mounted: bool = False) -> Cell:
    return Cell(what, code, answer, "pyspark", fails, mounted)


# ------------------------------------------------------------------------------------------------ in Silver, with schemas
SILVER_CELLS = [
    python(
        "Python and its libraries by the mount",
        """
import os, pandas as pd
pd.DataFrame({"id": [1, 2]}).to_csv("/lakehouse/default/Files/a b.csv", index=False)
pd.DataFrame({"id": [1, 2]}).to_parquet("/lakehouse/default/Files/p.parquet")
print(open("/lakehouse/default/Files/a b.csv").read().split(), sorted(os.listdir("/lakehouse/default/Files")))
print(len(pd.read_parquet("/lakehouse/default/Files/p.parquet")), open("Files/a b.csv").readline().strip())
""",
        "['id', '1', '2'] ['a b.csv', 'p.parquet']\n2 id",
    ),
    python(
        "pyarrow by the mount",
        'import pyarrow.parquet as pq; print(pq.read_table("/lakehouse/default/Files/p.parquet").num_rows)',
        "2",
    ),
    python(
        "a file by all its paths",
        f"""
found = [spark.read.text(path).count() for path in (
    "Files/a b.csv", "/lakehouse/default/Files/a b.csv", "file:/lakehouse/default/Files/a b.csv",
    "{BY_NAME}/Silver.Lakehouse/Files/a b.csv",
    "{BY_NAME.replace(" ", "%20")}/silver/Files/a b.csv", "{BY_ID}/{SILVER}/Files/a b.csv",
    "abfss://{SALES.upper()}@westeurope-{HOST}/SILVER.lakehouse/Files/a*.csv")]
print(found)
""",
        str([3] * 7),
    ),
    python(
        "a UDF by the mount",
        """
from pyspark.sql.functions import udf
print(spark.range(1).select(udf(lambda _: open("/lakehouse/default/Files/a b.csv").readline())("id")).first()[0].strip())
""",
        "id",
        mounted=True,
    ),
    python(
        "written by a relative path, read by names",
        """
spark.range(5).write.format("delta").save("Tables/dbo/t")
names = ["t", "dbo.t", "silver.t", "Silver.dbo.T", "`Sales EMEA`.Silver.dbo.t", f"`{workspace}`.silver.dbo.t"]
print(len({tuple(spark.table(name).inputFiles()) for name in names}), spark.read.table("silver.dbo.t").count())
""".replace("{workspace}", SALES).replace('f"', '"'),
        "1 5",
    ),
    python(
        "written by abfss into another lakehouse, read by names",
        f"""
spark.range(3).write.format("delta").save("{BY_NAME}/Bronze.Lakehouse/Tables/b")
spark.range(4).write.format("delta").save("abfss://Finance@{HOST}/Gold.Lakehouse/Tables/etl/g")
print([spark.table(name).count() for name in ("Bronze.b", "`Sales EMEA`.Bronze.b", "Finance.Gold.etl.g")])
""",
        "[3, 3, 4]",
    ),
    python(
        "written by names, read by paths",
        f"""
spark.range(2).write.saveAsTable("dbo.n2")
spark.range(3).write.mode("overwrite").saveAsTable("silver.dbo.n3")
spark.range(4).write.mode("append").saveAsTable("Finance.Gold.dbo.n4")
spark.range(5).write.saveAsTable("Bronze.n5")
paths = ["Tables/dbo/n2", "/lakehouse/default/Tables/dbo/n3", "abfss://finance@{HOST}/gold.lakehouse/Tables/dbo/n4",
         "{BY_ID}/{BRONZE}/Tables/n5"]
print([spark.read.format("delta").load(path).count() for path in paths])
""",
        "[2, 3, 4, 5]",
    ),
    Cell("tables of another lakehouse's schema", "show tables in finance.gold.dbo", [["finance__gold__dbo", "n4", False]]),
    Cell("columns by the table's whole name", "select silver.dbo.n2.id, dbo.n2.id, n2.id from silver.dbo.n2 limit 1", [[0] * 3]),
    Cell("a schema in another lakehouse", "create schema if not exists finance.gold.mart", []),
    Cell("CREATE TABLE AS by four parts", "create table Finance.Gold.mart.m as select id from silver.dbo.n2", []),
    Cell(
        "MERGE across lakehouses",
        "merge into finance.gold.mart.m t using silver.dbo.n3 s on t.id = s.id"
        " when matched then update set id = s.id + 100 when not matched then insert *",
        [[3, 2, 0, 1]],
    ),
    Cell("INSERT by four parts", "insert into `Finance`.`Gold`.`mart`.`m` values (7)", []),
    Cell("DELETE by four parts", "delete from finance.gold.mart.m where id = 7", [[1]]),
    Cell(
        "subqueries and WITH",
        "with c as (select * from silver.n2) select count(*), (select max(id) from finance.gold.mart.m) from bronze.b b"
        " join dbo.t on b.id = dbo.t.id where b.id in (select id from c)",
        [[2, 101]],
    ),
    Cell("time travel by four parts", "select count(*) from finance.gold.mart.m version as of 0", [[2]]),
    python(
        "Delta's own statements by four parts",
        """
print([row.operation for row in spark.sql("DESCRIBE HISTORY Finance.Gold.mart.m").collect()])
print(len(spark.sql("OPTIMIZE finance.gold.mart.m VORDER").columns))
""",
        "['DELETE', 'WRITE', 'MERGE', 'CREATE TABLE AS SELECT']\n2",
    ),
    python(
        "DeltaTable by names",
        """
from delta.tables import DeltaTable
names = ["t", "dbo.t", "silver.dbo.t", "`Sales EMEA`.silver.dbo.t", "bronze.b"]
print([len(DeltaTable.forName(spark, name).toDF().columns) for name in names])
found = DeltaTable.forName(spark, "silver.dbo.t")
found.alias("t").merge(spark.range(6).alias("s"), "t.id = s.id").whenNotMatchedInsertAll().execute()
print(DeltaTable.forPath(spark, "Tables/dbo/t").toDF().count(), DeltaTable.isDeltaTable(spark, "Tables/dbo/t"))
""",
        "[1, 1, 1, 1, 1]\n6 True",
    ),
    python(
        "every way of the DataFrame API to write by name",
        """
spark.range(3).writeTo("Finance.Gold.dbo.w").create()
spark.range(3).writeTo("finance.gold.dbo.w").append()
spark.range(3).write.insertInto("finance.gold.dbo.w")
print(spark.table("finance.gold.dbo.w").count())
""",
        "9",
    ),
    python(
        "what the catalog says is there",
        """
names = ["t", "dbo.t", "silver.dbo.t", "finance.gold.dbo.w", "silver.dbo.no", "no.dbo.t", "finance.no.dbo.t"]
print([spark.catalog.tableExists(name) for name in names])
""",
        "[True, True, True, True, False, False, False]",
    ),
    Cell("a relative LOCATION", "create table located (id int) using delta location 'Files/located'", []),
    python(
        "a relative path of saveAsTable",
        """
spark.range(3).write.option("path", "Files/by_option").saveAsTable("by_option")
spark.sql("insert into located values (1)")
print(spark.table("by_option").count(), spark.read.format("delta").load("Files/by_option").count())
print(spark.read.format("delta").load("Files/located").count())
""",
        "3 3\n1",
    ),
    Cell("a table that is no Delta table", "create table finance.gold.dbo.pq using parquet as select 1 as id", []),
    Cell("a view in another lakehouse", "create view bronze.v as select count(*) as n from silver.dbo.n3", []),
    Cell("its rows", "select n, pq.id from bronze.v, finance.gold.dbo.pq", [[3, 1]]),
    Cell("a new name", "alter table finance.gold.dbo.w rename to finance.gold.dbo.w2", []),
    Cell("DROP by four parts", "drop table finance.gold.dbo.w2", []),
    python(
        "what was dropped or removed is gone by every spelling",
        """
import shutil
shutil.rmtree("/lakehouse/default/Tables/dbo/n2")
print([spark.catalog.tableExists(name) for name in ("finance.gold.dbo.w2", "n2", "silver.dbo.n2")])
""",
        "[False, False, False]",
    ),
    Cell("Fabric's settings", "set spark.ms.autotune.enabled=true", [["spark.ms.autotune.enabled", "true"]]),
    Cell("Fabric's properties", "create table v (id int) tblproperties ('delta.parquet.vorder.enabled' = 'true')", []),
    python(
        "the workspace and lakehouse in the settings",
        """
spark.conf.set("spark.microsoft.delta.optimizeWrite.enabled", "true")
print(*(spark.conf.get(f"trident.{key}") for key in ("workspace.id", "lakehouse.id", "lakehouse.name")))
""",
        f"{SALES} {SILVER} Silver",
    ),
    # ---- errors, which create no file
    python("an unknown workspace", f'spark.read.text("abfss://No@{HOST}/Silver/Files/x")', "there is no workspace 'No'", fails=True),
    python("… written to", f'spark.range(1).write.csv("abfss://No@{HOST}/Silver/Files/x")', "there is no workspace", fails=True),
    python("an unknown lakehouse", f'spark.range(1).write.csv("{BY_NAME}/No.Lakehouse/Files/x")', "there is no lakehouse", fails=True),
    python("another storage", 'spark.range(1).write.csv("abfss://c@a.dfs.core.windows.net/x")', "no other storage", fails=True),
    python("a path that leads out", 'spark.range(1).write.csv("Files/../../x")', "It leads out of the lakehouse", fails=True),
    python("… by abfss", f'spark.range(1).write.csv("{BY_NAME}/Silver/Files/../../x")', "", fails=True),
    Cell("an unknown workspace's table", "select * from no.silver.dbo.t", "TABLE_OR_VIEW_NOT_FOUND", fails=True),
    Cell("an unknown schema", "create table silver.nothere.t as select 1", "nothere", fails=True),
]  # fmt: skip

# ------------------------------------------------------------------------------------------------ in Bronze, without
BRONZE_CELLS = [
    python(
        "tables of another session, by names",
        """
names = ["bronze.b", "n5", "silver.dbo.t", "finance.gold.dbo.pq", "v"]
print([spark.table(name).count() for name in names])
print([spark.table(name).columns for name in ("b", "`Sales EMEA`.Bronze.n5", "finance.gold.mart.m")])
""",
        "[3, 5, 6, 1, 1]\n[['id'], ['id'], ['id']]",
    ),
    python("relative paths are this lakehouse's", 'print(spark.read.format("delta").load("Tables/b").count())', "3"),
    python("so is the mount", 'import os; print(sorted(os.listdir("/lakehouse/default/Tables")))', "['b', 'n5']"),
    Cell("a write by names", "create table silver.dbo.from_bronze as select * from b", []),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lake houses é")
    (folder / "workspaces.toml").write_text(WORKSPACES, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def api(root: Path) -> Iterator[Api]:
    process, running = service.start(None, "--workspaces", str(root / "workspaces.toml"), "--token", service.TOKEN)
    yield running
    running.http.close()
    assert service.close(process) == 0


def run_cells(session: Session, cells: list[Cell]) -> dict[str, dict[str, Any]]:
    mounted = session.text(MOUNTED) == "True"
    return {cell.what: session.output(cell.code, cell.kind) for cell in cells if mounted or not cell.mounted}


@pytest.fixture(scope="module")
def in_silver(api: Api) -> dict[str, dict[str, Any]]:
    session = api.start_session()
    session.wait_for("idle")
    missing = session.view()["tags"].get("FallbackMessages", "")
    if any(words in missing for words in NO_DELTA):
        pytest.skip(missing)
    return run_cells(session, SILVER_CELLS)


@pytest.fixture(scope="module")
def in_bronze(api: Api, in_silver: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """In another application, after all that was done in Silver."""
    bronze = Api({**api.ready, "livy_endpoint": api.base.replace(SILVER, BRONZE)})
    session = bronze.start_session()
    session.wait_for("idle")
    found = run_cells(session, BRONZE_CELLS)
    bronze.http.close()
    return found


def check(cell: Cell, output: dict[str, Any]) -> None:
    if cell.fails:
        assert output["status"] == "error", output
        assert cell.answer in output["evalue"]
        return
    assert output["status"] == "ok", output["evalue"]
    data = output["data"]
    assert (data["application/json"]["data"] if cell.kind == "sql" else data["text/plain"].strip()) == cell.answer


@pytest.mark.parametrize("cell", SILVER_CELLS, ids=lambda cell: cell.what)
def test_in_a_lakehouse_with_schemas(in_silver: dict[str, dict[str, Any]], cell: Cell) -> None:
    if cell.mounted and cell.what not in in_silver:
        pytest.skip("nothing can be mounted here")
    check(cell, in_silver[cell.what])


@pytest.mark.parametrize("cell", BRONZE_CELLS, ids=lambda cell: cell.what)
def test_in_a_lakehouse_without_schemas(in_bronze: dict[str, dict[str, Any]], cell: Cell) -> None:
    check(cell, in_bronze[cell.what])


def test_nothing_was_written_anywhere_else(in_bronze: dict[str, dict[str, Any]], root: Path) -> None:
    assert sorted(path.name for path in root.iterdir()) == ["finance", "sales", "workspaces.toml"]
    assert {path.relative_to(root).as_posix() for path in root.glob("*/*/*")} <= {
        f"{house}/{part}"
        for house in ("sales/silver", "sales/bronze", "finance/gold")
        for part in ("Files", "Tables", ".catalog")
    }
    assert not list(root.rglob(".*.crc"))
