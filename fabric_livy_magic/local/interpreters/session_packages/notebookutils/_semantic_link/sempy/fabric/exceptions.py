"""The exceptions that notebooks catch, with the fields of the real ones."""

from __future__ import annotations


class SemPyException(Exception):
    pass


class FabricHTTPException(SemPyException):
    """Never raised here: nothing is asked over the network."""


class DatasetNotFoundException(SemPyException):
    """Never raised here: there are no semantic models."""


class WorkspaceNotFoundException(SemPyException):
    def __init__(self, workspace: str, message: str | None = None) -> None:
        self.workspace = workspace
        super().__init__(message or f"Workspace '{workspace}' not found")


class ItemNotFoundException(SemPyException):
    def __init__(
        self, item: str, item_type: str | None = None, workspace: str | None = None, message: str | None = None
    ) -> None:
        self.item, self.item_type, self.workspace = item, item_type, workspace
        kind, where = (
            f" of type '{item_type}'" if item_type else "",
            f" in workspace '{workspace}'" if workspace else "",
        )
        super().__init__(message or f"There's no item{kind} with the name or ID '{item}'{where}")
