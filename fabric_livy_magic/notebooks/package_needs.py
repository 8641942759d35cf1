"""The packages that a notebook imports: what the session has, what pip can install, and what only Fabric has."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from fabric_livy_magic.notebooks import portal_features
from fabric_livy_magic.notebooks.fabric_runtime import (
    difference_of_import,
    distribution_of,
    installed_version,
    runtime_of,
)
from fabric_livy_magic.notebooks.need import A_MOCK, AVAILABLE, FABRIC_ONLY, TO_PROVIDE, Need
from fabric_livy_magic.notebooks.notebook_code import NotebookCode
from fabric_livy_magic.notebooks.python_code import PREDEFINED, SEMANTIC_LINK

NO_FORM = f"{portal_features.SEMANTIC_LINK_NEEDS}: it has no form without the service"
NOT_INSTALLED, BROUGHT = "not installed in this Python", "Fabric's runtime brings"
SHARED_MODULES = frozenset({"azure", "google"})
RESOURCES = ("builtin", "env")  # folders of the working folder, whose modules a notebook can import


def package_needs(code: NotebookCode, folder: Path) -> Iterator[Need]:
    """`folder` is that of the notebook's cells, which has its resources."""
    for number, facts in code.facts.items():
        for module in sorted(facts.modules):
            root = module.split(".")[0]
            service = is_of_service(module)
            if root in RESOURCES:
                has_it = (folder / root).is_dir()
                text = "" if has_it else f"the notebook's resources: there is no folder {root} beside its cells"
                yield Need("resources", root, AVAILABLE if has_it else TO_PROVIDE, text, (number,))
                continue
            if root in PREDEFINED or root == SEMANTIC_LINK or root in sys.stdlib_module_names:
                continue
            if service == "com.microsoft" and f"{module}.".startswith("com.microsoft.spark.fabric."):
                yield Need("package", service, TO_PROVIDE, f"the Spark connector of warehouses; {A_MOCK}", (number,))
            elif service:
                text = f"{portal_features.SERVICE_PACKAGES[service]}: it has no form without the service"
                yield Need("package", service, FABRIC_ONLY, text, (number,))
            else:
                is_there = installed_by(code, module) or root in code.written_modules
                yield _package_need(module, number, is_there=is_there)


def installed_by(code: NotebookCode, module: str) -> bool:
    """Whether a cell of the notebook installs its package."""
    commands = " ".join(rest for magic in ("%pip", "!") for _, rest in code.magics(magic) if "install" in rest)
    installed = set(re.findall(r"\w+", commands.replace("-", "_").lower()))
    return bool({module.split(".")[0].lower(), distribution_of(module).replace("-", "_").lower()} & installed)


def is_of_service(module: str) -> str | None:
    """The beginning of its name that is a package of the service's."""
    return next((word for word in portal_features.SERVICE_PACKAGES if f"{module}.".startswith(f"{word}.")), None)


def _package_need(module: str, number: int, *, is_there: bool) -> Need:
    root, distribution = module.split(".")[0], distribution_of(module)
    # Of a module that several packages share, each part is one of them.
    name = module if root in SHARED_MODULES and module != root else root
    if is_there or _is_installed(name):
        return Need("package", root, text=difference_of_import(module), cells=(number,))
    of_runtime = runtime_of(installed_version("pyspark"), sys.version_info[:2]).versions.get(distribution)
    brought = f"{BROUGHT} {of_runtime}. " if of_runtime else ""
    return Need("package", name, TO_PROVIDE, f"{NOT_INSTALLED}. {brought}pip install {distribution}", (number,))


def semantic_link_needs(code: NotebookCode) -> Iterator[Need]:
    there = portal_features.SEMANTIC_LINK_OF_EMBEDDED_FABRIC
    text = f"{portal_features.SEMANTIC_LINK_NEEDS}; {A_MOCK}"
    for number, facts in code.facts.items():
        used = {name for name in (*facts.modules, *facts.names_read) if name.split(".")[0] == SEMANTIC_LINK}
        for name in sorted(used):
            module = max((one for one in there if f"{name}.".startswith(f"{one}.")), key=len)
            function = name.removeprefix(module).lstrip(".").split(".")[0]
            if function and function not in there[module]:
                is_function = module == f"{SEMANTIC_LINK}.fabric"  # mocks are of these alone
                verdict = TO_PROVIDE if is_function else FABRIC_ONLY
                yield Need("package", f"{module}.{function}", verdict, text if is_function else NO_FORM, (number,))
            else:
                yield Need("package", SEMANTIC_LINK, AVAILABLE, "", (number,))


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False
