"""Long-running operations: what a request began, polled until it is done (learn.microsoft.com/rest/api/fabric/articles/long-running-operations).

The work is done when the 202 is sent; the first poll still says that it runs, so that clients are seen to wait.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fabric_livy_magic.local.fabric.handler import FabricHandler
from fabric_livy_magic.local.fabric.views import time_text
from fabric_livy_magic.local.web.answers import Refusal

RETRY_AFTER_S = 1
MOST_OPERATIONS = 100


@dataclass
class Operation:
    result: Any
    """None where it has none."""
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    polls: int = 0


_operations: dict[str, Operation] = {}


def answer_operation(handler: FabricHandler, result: Any = None) -> None:
    operation_id = str(uuid.uuid4())
    while len(_operations) >= MOST_OPERATIONS:
        _operations.pop(next(iter(_operations)))
    _operations[operation_id] = Operation(result)
    handler.set_header("Location", f"{handler.origin}/v1/operations/{operation_id}")
    handler.set_header("x-ms-operation-id", operation_id)
    handler.set_header("Retry-After", str(RETRY_AFTER_S))
    handler.answer(None, 202)


class OperationHandler(FabricHandler):
    def operation(self, operation_id: str) -> Operation:
        found = _operations.get(operation_id.lower())
        if found is None:
            raise Refusal(404, f"operation {operation_id} is not known", "OperationNotFound")
        return found

    def get(self, operation_id: str) -> None:
        operation = self.operation(operation_id)
        operation.polls += 1
        done = operation.polls > 1
        if not done:
            self.set_header("Retry-After", str(RETRY_AFTER_S))
        if not done or operation.result is not None:
            below = "/result" if done else ""
            self.set_header("Location", f"{self.origin}{self.request.path}{below}")
        self.answer(
            {
                "status": "Succeeded" if done else "Running",
                "createdTimeUtc": time_text(operation.created),
                "lastUpdatedTimeUtc": time_text(datetime.now(UTC)),
                "percentComplete": 100 if done else 50,
                "error": None,
            }
        )


class OperationResultHandler(OperationHandler):
    def get(self, operation_id: str) -> None:
        result = self.operation(operation_id).result
        if result is None:
            raise Refusal(400, "the operation has no result", "OperationHasNoResult")
        self.answer(result)


def operation_routes() -> list[tuple[str, type[FabricHandler]]]:
    return [
        (r"/v1/operations/([^/]+)", OperationHandler),
        (r"/v1/operations/([^/]+)/result", OperationResultHandler),
    ]
