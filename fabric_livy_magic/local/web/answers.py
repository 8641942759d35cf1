"""How a request is answered, in whichever dialect: JSON, or a refusal in the dialect's form."""

from __future__ import annotations

from typing import Any

from tornado.web import HTTPError, RequestHandler

from fabric_livy_magic.local.interpreters.json_text import dumps

MOST_MESSAGE = 2_000  # characters
CODES = {
    400: "InvalidInput",
    401: "Unauthorized",
    403: "Forbidden",
    404: "EntityNotFound",
    405: "MethodNotAllowed",
    413: "RequestBodyTooLarge",
    429: "RequestBlocked",
    430: "TooManyRequestsForCapacity",
    503: "ServiceUnavailable",
}


class Refusal(HTTPError):  # noqa: N818 - what the server does
    """An error response (400 and above); `message` is for the person who reads it."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(status)
        # It may name what the client sent, which may be long.
        self.message = message if len(message) <= MOST_MESSAGE else f"{message[:MOST_MESSAGE]} …"
        self.code = code or CODES.get(status, "UnknownError")


class AnsweringHandler(RequestHandler):
    """Writes responses. A dialect overrides `answer_refusal` with its form of errors."""

    request_id: str
    refused_code = ""
    """The error code of the response; empty where it is no refusal."""

    def set_default_headers(self) -> None:
        self.clear_header("Server")

    def answer(self, value: Any, status: int = 200) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("RequestId", self.request_id)
        self.finish(dumps(value))

    def answer_status(self, status: int, message: str, code: str | None = None) -> None:
        """A refusal in the dialect's form; the connection stays open."""
        refusal = Refusal(status, message, code)
        self.refused_code = refusal.code
        self.answer_refusal(refusal)

    def answer_refusal(self, refusal: Refusal) -> None:
        """In the dialect's form."""
        raise NotImplementedError

    def compute_etag(self) -> None:
        """None: it would cost a hash of each large response, and make `If-None-Match` answer 304, which no API documents."""
