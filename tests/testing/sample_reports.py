"""Reports of notebooks, as a run makes them."""

from __future__ import annotations

import base64

from fabric_livy_magic.testing.notebook_reports import CellLines, CellReport, NotebookReport
from fabric_livy_magic.testing.results import FAILED, NOT_RUN, PASSED

HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e'\"&"
PIXEL = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf50000003"
        "8301c0c4b4d1a50000000049454e44ae426082"
    )
).decode()

CELLS = (
    CellReport(1, 'orders = spark.table("orders")\nprint("there")', "pyspark", PASSED, 0.31, 20, texts=("there\n",),
               lines=CellLines((1, 2), (1, 2))),
    CellReport(3, "# how many\nexpected = 7\nassert orders.count() == expected\nif False:\n    x = 1", "pyspark", FAILED, 0.12, 31, 3,
               "AssertionError: orders went missing\nassert 5 == 7\n +  where 5 = orders.count()",
               lines=CellLines((2, 3, 4, 5), (2, 3))),
    CellReport(4, "%%sql\nSELECT 1", "sql", NOT_RUN, line=44),
    CellReport(5, "x = 1\ny = 2", "pyspark", NOT_RUN, line=50),
)  # fmt: skip
FAILING = NotebookReport(
    "Test Orders", "/repository/checks/Test Orders.Notebook/notebook-content.py", FAILED, 1.5, CELLS
)
PASSING = NotebookReport(
    "Test Trips",
    "/repository/checks/Test Trips.Notebook/notebook-content.py",
    PASSED,
    2.25,
    (CellReport(1, "x = 1", "pyspark", PASSED, 0.1, images=(PIXEL,), lines=CellLines((1,), (1,))),),
    exit_value="7",
)
WITH_HOSTILE_TEXT = NotebookReport(
    HOSTILE, f"/repository/{HOSTILE}", FAILED, 0.1,
    (CellReport(1, HOSTILE, HOSTILE, FAILED, 0.1, 1, 1, HOSTILE, (HOSTILE,), (HOSTILE,)),), HOSTILE, HOSTILE, (HOSTILE,)
)  # fmt: skip
