"""Error responses of Apache Livy.

Two forms: `{"msg": …}` where its own code refuses, and a bare JSON string where Jackson or Java does: a body that cannot
be read (400), or an unexpected exception (500, `class: message`). Clients know both.
"""

from __future__ import annotations

from typing import Any

from fabric_livy_magic.local.web.answers import Refusal


class LivyRefusal(Refusal):
    """`body` is sent as JSON."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, str(body))
        self.body = body


def message(status: int, text: str) -> LivyRefusal:
    return LivyRefusal(status, {"msg": text})


def requirement(text: str) -> LivyRefusal:
    return message(400, f"requirement failed: {text}")


def rejected(reason: str) -> LivyRefusal:
    """Of a session or batch that is not created."""
    return message(400, f"Rejected, Reason: {reason}")


def not_found(id_or_name: str) -> LivyRefusal:
    """Livy's message calls batches sessions, too."""
    return message(404, f"Session '{id_or_name}' not found.")


def unreadable(text: str) -> LivyRefusal:
    return LivyRefusal(400, text)


def thrown(java_class: str, text: str) -> LivyRefusal:
    return LivyRefusal(500, f"{java_class}: {text}")


def null_pointer(field: str) -> LivyRefusal:
    return thrown("java.lang.NullPointerException", f'"{field}" is null')


def illegal_state(text: str) -> LivyRefusal:
    return thrown("java.lang.IllegalStateException", text)


def refused_by_driver(text: str) -> LivyRefusal:
    """An error of the session's driver, as Livy's RPC reports it."""
    remote = "org.apache.livy.rsc.rpc.RpcException: java.lang.IllegalArgumentException"
    return thrown("java.util.concurrent.ExecutionException", f"{remote}: {text}")
