"""The published contract against a real server: requests made from it by schemathesis, good and bad ones, for every path
and method, and every answer checked against it: status, content type, fields, formats.

`amended_contract` adds what the contract's types leave out. Two Spark applications run, which is the server's capacity: each
further one is refused with 430.
"""

from __future__ import annotations

import copy
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import content_type_conformance

from tests.support import contract, service
from tests.support.service import TOKEN, Api

pytestmark = pytest.mark.spark

WORKSPACE, LAKEHOUSE, NOBODY = (str(uuid.uuid5(uuid.NAMESPACE_URL, name)) for name in ("w", "l", "nobody"))
# In the generated requests, in place of ids that only the running server knows.
PLACEHOLDERS = {
    name: str(uuid.uuid5(uuid.NAMESPACE_URL, name)) for name in ("sessionId", "replId", "hcId", "inHcId", "batchId")
}
EXAMPLES = 40
MOST_INT32 = 2**31 - 1
FILES, OWN_FILE = {"archives", "files", "jars", "pyFiles"}, "Files/none.zip"
Json = dict[str, Any]


def amended_contract() -> Json:
    """The contract, with what its text says and its types do not, and with ids that exist."""
    found = copy.deepcopy(contract.description())
    definitions = found["definitions"]
    # `GET /sessions` really is a list (seen by clients of Fabric).
    listing = found["paths"][f"{contract.BASE}/sessions"]["get"]["responses"]["200"]
    listing["schema"] = {"$ref": "#/definitions/LivySparkActivityList"}
    # Null by the contract's own text, and as a real Livy gives it.
    for definition, field in (
        ("HighConcurrencySessionResponse", "sessionId"),
        ("HighConcurrencySessionResponse", "replId"),
        ("StatementResponse", "output"),
    ):
        kept = definitions[definition]["properties"][field]
        definitions[definition]["properties"][field] = {**kept, "x-nullable": True}
    # A batch needs its file, a statement its code and its kind, of which there are some; memory is an amount.
    definitions["BatchRequest"]["required"] = ["file"]
    definitions["BatchRequest"]["properties"]["file"]["enum"] = ["Files/none.py", "Files/none.jar"]
    for definition in ("SessionRequest", "BatchRequest"):
        for field in FILES & set(definitions[definition]["properties"]):
            definitions[definition]["properties"][field]["items"]["enum"] = [OWN_FILE]
    statement = definitions["StatementRequest"]
    statement["required"] = ["code", "kind"]
    statement["properties"]["kind"]["enum"] = ["pyspark", "spark", "sql"]
    for field in ("driverMemory", "executorMemory"):
        definitions["SessionRequest"]["properties"][field]["pattern"] = r"\A[1-9][0-9]{0,3}[mg]\Z"
    # A null counts as absent: clients in typed languages send every field that they know.
    for name in ("SessionRequest", "BatchRequest", "HighConcurrencySessionRequest", "StatementRequest"):
        for field, described in definitions[name]["properties"].items():
            described["x-nullable"] = field not in ("code", "kind", "file")
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            for parameter in operation["parameters"]:
                _set_known_values(parameter, path, method)
    found["securityDefinitions"] = {"token": {"type": "apiKey", "in": "header", "name": "Authorization"}}
    found["security"] = [{"token": []}]
    return found


def _set_known_values(parameter: Json, path: str, method: str) -> None:
    name = parameter["name"]
    if name in ("$top", "$skip"):
        parameter["pattern"] = r"\A[0-9]{1,9}\Z"
    elif name in ("from", "size", "statementId"):
        parameter["minimum"] = 0
        parameter["maximum"] = MOST_INT32
    elif known := _known_values(name, path, method):
        parameter["enum"] = known


def _known_values(name: str, path: str, method: str) -> list[str]:
    if name == "sessionId":
        if method == "delete":
            return [NOBODY]
        return [PLACEHOLDERS["inHcId" if "/repls/" in path else "sessionId"], NOBODY]
    if name == "highConcurrencySessionId":
        return [NOBODY] if method == "delete" else [PLACEHOLDERS["hcId"], NOBODY]
    known = {
        "workspaceId": [WORKSPACE],
        "lakehouseId": [LAKEHOUSE],
        "livyApiVersion": ["2023-12-01"],
        "replId": [PLACEHOLDERS["replId"], NOBODY],
        "batchId": [NOBODY] if method == "delete" else [PLACEHOLDERS["batchId"], NOBODY],
    }
    return known.get(name, [])


def _names_other_files(body: Any) -> bool:
    """Other names may be valid or not; OWN_FILE certainly is."""
    found = [body.get(field) for field in FILES] if isinstance(body, dict) else []
    return any(isinstance(one, str) and one != OWN_FILE for names in found if isinstance(names, list) for one in names)


def configured() -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "seed": 1,
            "checks": {
                # 430: the capacity is full, by intention.
                "positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "430"]},
                "negative_data_rejection": {"expected-statuses": ["400", "401", "403", "404", "405", "413"]},
            },
            "generation": {"deterministic": True, "with-security-parameters": False},
        }
    )


SCHEMA = schemathesis.openapi.from_dict(amended_contract(), config=configured())


@dataclass
class Served:
    """A server with a batch that failed, and a session and a high-concurrency session that are idle. `ids` are those behind the placeholders."""

    api: Api
    ids: dict[str, str]
    first_answers: dict[str, requests.Response]

    def call_and_check(self, case: schemathesis.Case) -> None:
        hypothesis.assume(not _names_other_files(case.body))
        for name, value in case.path_parameters.items():
            case.path_parameters[name] = self._real_id(name, value)
        root = self.api.ready["api_url"].removesuffix("/v1")
        response = case.call(base_url=root, headers={"Authorization": f"Bearer {TOKEN}"})
        # The contract has one type for all answers of a call; one without content has none.
        excluded = [content_type_conformance] if response.status_code == 204 else []
        case.validate_response(response, excluded_checks=excluded)

    def _real_id(self, name: str, value: Any) -> Any:
        if name == "statementId" and isinstance(value, int) and 0 <= value <= MOST_INT32:
            return value % 20  # mostly one that exists
        return self.ids.get(value, value) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("contract")
    (folder / "workspaces.toml").write_text(
        f'[[workspaces]]\nname = "w"\nid = "{WORKSPACE}"\n'
        f'[[workspaces.lakehouses]]\nname = "l"\nid = "{LAKEHOUSE}"\nfolder = "{folder / "lake"}"\n',
        encoding="utf-8",
    )
    options = ["--workspaces", str(folder / "workspaces.toml"), "--token", TOKEN, "--capacity", "2"]
    process, api = service.start(None, *options)
    paths = ("/sessions", "/highConcurrencySessions")
    try:
        batch = api.post("/batches", {"name": "contract", "file": "Files/none.py"})
        batch_id = batch.json()["id"]
        while api.get(f"/batches/{batch_id}").json()["state"] != "dead":
            time.sleep(0.1)
        answers = {path: api.post(path, {"name": "contract"}) for path in paths}
        session_id, hc_id = (answer.json()["id"] for answer in answers.values())
        answers["/batches"] = batch
        service.Session(api, session_id).wait_for("idle")
        while (acquired := api.get(f"/highConcurrencySessions/{hc_id}").json())["state"] != "Idle":
            assert acquired["state"] == "AcquiringHighConcurrencySession"
            time.sleep(0.1)
        known = (session_id, acquired["replId"], hc_id, acquired["sessionId"], batch_id)
        yield Served(api, dict(zip(PLACEHOLDERS.values(), known, strict=True)), answers)
    finally:
        api.http.close()
        assert service.close(process) == 0


@SCHEMA.parametrize()
@hypothesis.settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
def test_the_contract_holds(case: schemathesis.Case, served: Served) -> None:
    served.call_and_check(case)


@pytest.mark.parametrize("path", ["/sessions", "/highConcurrencySessions", "/batches"])
def test_an_answer_to_a_creation_is_the_contract_s(served: Served, path: str) -> None:
    assert served.first_answers[path].status_code == 202
    SCHEMA[f"{contract.BASE}{path}"]["POST"].validate_response(served.first_answers[path])


@pytest.mark.parametrize(
    ("path", "name", "known", "afterwards"),
    [
        ("/sessions", "sessionId", "sessionId", 404),
        ("/highConcurrencySessions", "highConcurrencySessionId", "hcId", 404),
        ("/batches", "batchId", "batchId", 200),  # a cancelled batch stays listed
    ],
)
def test_an_end_is_the_contract_s(served: Served, path: str, name: str, known: str, afterwards: int) -> None:
    """The last of this file: what ends here was used by all."""
    own, described = f"{path}/{served.ids[PLACEHOLDERS[known]]}", f"{contract.BASE}{path}/{{{name}}}"
    for answer, status in ((served.api.delete(own), 200), (served.api.delete(own), afterwards)):
        assert answer.status_code == status
        SCHEMA[described]["DELETE"].validate_response(answer)
    gone = served.api.get(own)
    assert gone.status_code == afterwards
    SCHEMA[described]["GET"].validate_response(gone)
