"""`sempy.fabric` with mocks: every function of it answers from the files; ids and names stay those of the embedded Fabric."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
from typing import Any, Callable, Dict, Tuple

from notebookutils import _mock_frames, _mocks

# Names of positional arguments, from the documentation of semantic link.
DATASET = ("dataset",)
SIGNATURES: Dict[str, Tuple[str, ...]] = {
    "evaluate_dax": ("dataset", "dax_string", "workspace"),
    "evaluate_measure": ("dataset", "measure", "groupby_columns", "filters"),
    "read_table": ("dataset", "table"),
    "list_items": ("item_type", "workspace"),
    "list_workspaces": ("filter", "top", "skip"),
    "list_datasets": ("workspace",),
    "list_reports": ("workspace",),
    "list_dataflows": ("workspace",),
    "list_tables": DATASET,
    "list_columns": ("dataset", "table"),
    "list_measures": DATASET,
    "list_relationships": DATASET,
    "list_partitions": ("dataset", "table"),
    "list_refresh_requests": DATASET,
    "refresh_dataset": DATASET,
    "list_capacities": (),
    "list_gateways": (),
    "resolve_dataset_id": ("dataset", "workspace"),
    "resolve_item_id": ("item", "item_type", "workspace"),
}
BASES = {"FabricRestClient": "https://api.fabric.microsoft.com/", "PowerBIRestClient": "https://api.powerbi.com/"}
METHODS = ("get", "post", "put", "patch", "delete", "head")


def name_in_fabric(name: str) -> Any:
    """What `sempy.fabric.<name>` is with mocks."""
    if name in BASES:
        return type(name, (RestClient,), {"default_base_url": BASES[name]})
    if name == "FabricDataFrame":
        import pandas

        return pandas.DataFrame
    return mocked(name, None)


def mocked(name: str, own: Callable[..., Any] | None) -> Callable[..., Any]:
    """`own` answers where no mock does; without it that is an error."""

    def function(*arguments: Any, **named: Any) -> Any:
        given = {**dict(zip(SIGNATURES.get(name, ()), arguments)), **named}
        for entry in _mocks.entries("semantic_link"):
            if entry.values["function"] == name and fits(entry.values.get("arguments", {}), given):
                _mocks.note_used("semantic link", shown(name, given), entry.file)
                return _mock_frames.value_of(entry)
        if own is not None:
            return own(*arguments, **named)
        raise _mocks.missing("semantic link", shown(name, given), lines_for(name, given))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = own.__doc__ if own else "Answered by the mocks of this session."
    return function


def fits(wanted: Dict[str, Any], given: Dict[str, Any]) -> bool:
    """What a mock names is equal, but for blanks: DAX is written over several lines."""
    return all(name in given and plain(given[name]) == plain(value) for name, value in wanted.items())


def plain(value: Any) -> Any:
    return " ".join(str(value).split()) if not isinstance(value, (list, dict, tuple)) else [*map(plain, value)]


def telling(given: Dict[str, Any]) -> Dict[str, str]:
    return {name: " ".join(str(value).split()) for name, value in given.items() if isinstance(value, (str, int))}


def shown(name: str, given: Dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={_mocks.quoted(value)}' for key, value in telling(given).items())})"


def lines_for(name: str, given: Dict[str, Any]) -> str:
    lines = ["[[semantic_link]]", f"function = {_mocks.quoted(name)}"]
    if telling(given):
        lines.append(f"arguments = {_mocks.quoted_table(telling(given))}")
    return "\n".join([*lines, f"file = {_mocks.quoted(name + '.csv')}   # or rows = [{{ … }}], or value = …"])


class RestClient:
    """Of semantic link: HTTP by `requests`, so that `[[http]]` mocks answer. It signs in nowhere."""

    default_base_url = ""

    def __init__(self, token_provider: Any = None, retry_config: Any = None, credential: Any = None) -> None:
        import requests

        self._http = requests.Session()

    def request(self, method: str, path_or_url: str, **options: Any) -> Any:
        from urllib.parse import urljoin

        for one in ("lro_wait", "lro_max_attempts", "lro_operation_name"):
            options.pop(one, None)
        return self._http.request(method, urljoin(self.default_base_url, path_or_url), **options)

    def __getattr__(self, name: str) -> Any:
        if name not in METHODS:
            raise AttributeError(f"{type(self).__name__} has no {name!r}")
        return lambda path_or_url, **options: self.request(name.upper(), path_or_url, **options)


class OwnSempy(importlib.abc.MetaPathFinder):
    """The first finder: with mocks `sempy` is that of the embedded Fabric, also where the real one is installed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        from notebookutils._service_modules import OWN_SEMPY, SEMPY

        return importlib.machinery.PathFinder.find_spec(SEMPY, [os.path.dirname(OWN_SEMPY)]) if name == SEMPY else None


def install() -> None:
    sys.meta_path.insert(0, OwnSempy())
