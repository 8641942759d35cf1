"""A server of two workspaces, and clients of its OneLake."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.core.pipeline import PipelineRequest
from azure.storage.filedatalake import DataLakeServiceClient, FileSystemClient

from tests.support import service
from tests.support.service import TOKEN, Api

SALES, VIEWED = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"


BRONZE = "bbbbbbbb-0000-4000-8000-000000000001"


WORKSPACES = {
    "workspaces": [
        {
            "name": "Sales é",
            "id": SALES,
            "lakehouses": [
                {"name": "Bronze", "id": BRONZE, "folder": "bronze é"},
                {"name": "gold", "folder": "gold"},
            ],
        },
        {"name": "viewed", "id": VIEWED, "role": "Viewer", "lakehouses": [{"name": "Bronze", "folder": "viewed"}]},
    ]
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lakes")


@pytest.fixture(scope="module")
def api(folder: Path) -> Iterator[Api]:
    file = folder / "workspaces.json"
    file.write_text(json.dumps(WORKSPACES), encoding="utf-8")
    with service.serving(None, ("--workspaces", str(file), "--token", TOKEN)) as running:
        yield running


@pytest.fixture(scope="module")
def house(folder: Path) -> Path:
    return folder / "bronze é"


def with_token(request: PipelineRequest[Any]) -> None:
    """The SDK's own kind of credential sends no token over plain http."""
    request.http_request.headers["Authorization"] = f"Bearer {TOKEN}"


def root_of(api: Api) -> str:
    return str(api.ready["api_url"]).removesuffix("/v1") + "/onelake"


@pytest.fixture(scope="module")
def service_client(api: Api) -> Iterator[DataLakeServiceClient]:
    with DataLakeServiceClient(root_of(api), raw_request_hook=with_token, retry_total=0) as client:
        yield client


@pytest.fixture(scope="module")
def sales(service_client: DataLakeServiceClient) -> FileSystemClient:
    return service_client.get_file_system_client("Sales é")


def call(api: Api, method: str, path: str, data: bytes = b"", **headers: str) -> requests.Response:
    """`path` from the lakehouse's `Files/` on, with its query."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"{root_of(api)}/{SALES}/{BRONZE}/Files/{path}"
    return api.http.request(method, url, data=data, headers=named, timeout=30)


def upload(api: Api, path: str, data: bytes) -> None:
    assert call(api, "PUT", f"{path}?resource=file").status_code == 201
    assert call(api, "PATCH", f"{path}?action=append&position=0", data).status_code == 202
    assert call(api, "PATCH", f"{path}?action=flush&position={len(data)}").status_code == 200


def refused(answer: requests.Response, status: int, code: str) -> str:
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (status, code), answer.text
    error = answer.json()["error"]
    assert error["code"] == code
    message: str = error["message"]
    return message
