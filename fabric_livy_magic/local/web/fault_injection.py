"""Injects the faults of one request: delays, responses in place of the handler's, and connections that break."""

from __future__ import annotations

import asyncio
import enum
import logging
import math
import socket
import struct
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.client import responses
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from fabric_livy_magic.local.faults.rules import AnswerFault, Call, ConnectionFault, Faults, InjectedFault, StatusFault
from fabric_livy_magic.local.web.answers import AnsweringHandler
from fabric_livy_magic.local.web.fault_answers import (
    MESSAGES,
    altered_statement,
    blocked_until,
    first_half,
    gateway_page,
)

Chunk = bytes | str | dict[str, Any] | None
LOG = logging.getLogger("fabric_livy_magic.local")
# SO_LINGER with a time-out of 0: the kernel drops what is unsent and resets the connection.
RESET = struct.pack("ii", 1, 0)


class _Stage(enum.Enum):
    UNCHANGED = "the response goes out as it is"
    HELD = "the handler's response is kept back until its fault is applied"
    FINAL = "the next response is the one to send"
    SENDING = "it is on its way; a further `finish`, such as tornado's own after the handler, changes nothing"


class FaultInjection:
    """Of one accepted request. It replaces the handler's method, which tornado calls once the body is there."""

    def __init__(self, handler: AnsweringHandler, faults: Faults) -> None:
        self._handler = handler
        self._faults = faults
        request = handler.request
        self._call = Call(str(request.method), request.path, request.headers.get("Authorization", ""))
        self._injected = InjectedFault()
        self._stage = _Stage.UNCHANGED
        self._sending: asyncio.Future[None] | None = None
        name = self._call.method.lower()
        self._method = getattr(handler, name)
        setattr(handler, name, self._run)

    async def _run(self, *args: str, **kwargs: str) -> None:
        injected = self._injected = self._faults.inject(self._call)
        if injected.fault or injected.delay_s or injected.stall_s:
            self._log(_describe(injected))
        await asyncio.sleep(injected.delay_s)
        if injected.fault and not injected.fault.after_work:
            self._hold_response()
            self._handler.finish()
            return
        if injected.fault or injected.stall_s or injected.reply_faults:
            self._hold_response()
        done = self._method(*args, **kwargs)
        if done is not None:
            await done
        if self._stage is _Stage.HELD:
            self._handler.finish()

    def _hold_response(self) -> None:
        self._stage = _Stage.HELD

    # ---- called by the handler's `finish`

    def finish(self, chunk: Chunk) -> asyncio.Future[None]:
        handler = self._handler
        if self._stage is _Stage.UNCHANGED:
            return RequestHandler.finish(handler, chunk)
        if self._stage is not _Stage.SENDING:
            if chunk is not None:
                handler.write(chunk)
            work = self._apply_fault() if self._stage is _Stage.HELD else self._send_response()
            self._stage = _Stage.SENDING
            self._sending = asyncio.ensure_future(work)
            self._sending.add_done_callback(self._log_failure)
        assert self._sending is not None
        return self._sending

    def _log_failure(self, sending: asyncio.Future[None]) -> None:
        if sending.cancelled() or isinstance(sending.exception(), StreamClosedError | None):
            return  # sent, or the client closed the connection, or the server stops
        LOG.error("a fault could not be brought about", exc_info=sending.exception())
        if not self._handler._finished:
            self._handler.detach().close()

    async def _apply_fault(self) -> None:
        """Once the handler has finished, or in place of its work."""
        handler, action = self._handler, self._injected.fault.action if self._injected.fault else None
        if isinstance(action, ConnectionFault):
            await self._break_connection(action.how)
            return
        self._stage = _Stage.FINAL
        if handler._headers_written:  # it sends its response in parts, and the first are sent already
            handler.finish()
        elif isinstance(action, StatusFault):
            self._answer_status(action)
        elif isinstance(action, AnswerFault):
            self._alter_body(action.how)
        else:
            self._alter_statement()

    def _answer_status(self, fault: StatusFault) -> None:
        handler = self._handler
        handler.clear()
        message = fault.message or MESSAGES.get(fault.status, responses.get(fault.status, "Unknown error"))
        if fault.retry_after is not None:
            seconds = math.ceil(fault.retry_after.pick(self._injected.fraction))
            moment = datetime.now(UTC) + timedelta(seconds=seconds)
            if fault.retry_after_form == "body":
                message = fault.message or blocked_until(moment)
            else:
                form = str(seconds) if fault.retry_after_form == "seconds" else format_datetime(moment, usegmt=True)
                handler.set_header("Retry-After", form)
        if fault.status == 401:
            handler.set_header("WWW-Authenticate", "Bearer")
        for name, value in fault.headers.items():
            handler.set_header(name, value)
        handler.set_status(fault.status)
        if fault.body == "html":
            self._answer_gateway_page()
        elif fault.body == "empty":
            handler.finish()
        elif fault.body == "message":
            handler.answer({"message": message}, fault.status)
        else:
            handler.answer_status(fault.status, message, fault.error_code or None)

    def _answer_gateway_page(self) -> None:
        handler = self._handler
        status = handler.get_status()
        handler.set_header("Content-Type", "text/html")
        handler.finish(gateway_page(status, responses.get(status, "Unknown")))

    def _alter_body(self, how: str) -> None:
        body = self._take_body()
        if self._handler.get_status() in (204, 304):
            self._handler.set_status(200)
        if how == "html":
            self._answer_gateway_page()
        else:
            self._handler.finish(first_half(body) if how == "half" else b"")

    def _alter_statement(self) -> None:
        body = self._take_body()
        for fault in self._injected.reply_faults:
            altered = altered_statement(body, fault.action.how) if isinstance(fault.action, AnswerFault) else None
            if altered is not None and self._faults.inject_in_reply(fault, self._call):
                self._log(f"is answered by {fault.rule}")
                body = altered
        self._handler.finish(body or None)

    def _take_body(self) -> bytes:
        handler = self._handler
        body, handler._write_buffer = b"".join(handler._write_buffer), []
        return body

    # ---- the socket

    async def _break_connection(self, how: str) -> None:
        handler = self._handler
        if how == "cut" and not handler._headers_written:
            body = self._take_body()
            handler.set_header("Content-Length", str(len(body)))
            handler.write(first_half(body))
            await handler.flush()
        stream = handler.detach()
        if how == "reset" and not stream.closed():
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        stream.close()

    async def _send_response(self) -> None:
        """With a stall: all but the last byte, a wait, then the last byte."""
        handler = self._handler
        rest = None
        if self._injected.stall_s and not handler._headers_written and (body := self._take_body()):
            handler.set_header("Content-Length", str(len(body)))
            handler.write(body[:-1])
            await handler.flush()
            await asyncio.sleep(self._injected.stall_s)
            rest = body[-1:]
        await RequestHandler.finish(handler, rest)

    def _log(self, text: str) -> None:
        LOG.info("%s %s %s", self._call.method, ascii(self._call.path), text)


def _describe(injected: InjectedFault) -> str:
    parts: list[str] = []
    if injected.delay_s:
        parts.append(f"waits {injected.delay_s:.2f} s")
    if injected.stall_s:
        parts.append(f"waits {injected.stall_s:.2f} s before its last byte")
    if fault := injected.fault:
        match fault.action:
            case StatusFault(status=how) | ConnectionFault(how=how) | AnswerFault(how=how):
                parts.append(f"is struck by {fault.rule}: {how}{' after the work' if fault.after_work else ''}")
    return ", ".join(parts)
