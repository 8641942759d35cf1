"""Whether a notebook is written for Fabric, and so runs in the Fabric Livy kernel: for `check` and `run` alike. Pure."""

from __future__ import annotations

import re

from fabric_livy_magic.notebooks.ipynb import SUFFIX
from fabric_livy_magic.notebooks.languages import JUPYTER_KERNEL, SPARK_KERNEL, WAREHOUSE_KERNEL
from fabric_livy_magic.notebooks.model import CODE, Notebook

# What they have beside the portal's, by both signs: `%%local`, `%sql …`, and sparkmagic's and Databricks' that run under their names.
OWN_KERNEL_MAGICS = frozenset(
    {
        "local",
        "sql",
        "scala",
        "sparksql",
        "python",
        "r",
        "info",
        "logs",
        "help",
        "manage_spark",
        "send_to_spark",
        "pretty",
        "matplot",
    }
)
OWN_KERNELS = "fabric-livy"  # the beginning of their names
_OUR_MAGICS = re.compile(r"^[^\S\n]*%(load_ext[^\S\n]+fabric_livy_magic|%?livy)", re.MULTILINE)


def is_fabric_notebook(notebook: Notebook) -> bool:
    """Whether it is in Fabric's Git format, its metadata says so, or it names no kernel: then it is one of Fabric, whose cells are
    PySpark, unless it loads the magics itself and so is for any Jupyter kernel."""
    if notebook.original and notebook.original.suffix != SUFFIX:
        return True
    if names_own_kernel(notebook) or notebook.kernel in {SPARK_KERNEL, WAREHOUSE_KERNEL, JUPYTER_KERNEL}:
        return True
    if notebook.metadata or "trident" in notebook.jupyter:
        return True
    return not notebook.kernel and not any(
        _OUR_MAGICS.search(cell.source) for cell in notebook.cells if cell.kind == CODE
    )


def names_own_kernel(notebook: Notebook) -> bool:
    """Whether it is for a kernel of this package, which has magics of its own."""
    return notebook.kernel.startswith(OWN_KERNELS)
