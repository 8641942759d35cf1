"""Injects the faults of one request: waits, other answers than the handler's, and connections that end before their answer does."""

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
    blocked_until,
    changed_statement,
    gateway_page,
    half_of,
)

Chunk = bytes | str | dict[str, Any] | None
LOG = logging.getLogger("fabric_livy_magic.local")
# SO_LINGER with no time to linger: the kernel throws away what is unsent and resets the connection.
RESET = struct.pack("ii", 1, 0)


class _Stage(enum.Enum):
    FREE = "nothing is to be done to the answer"
    HELD = "the work's answer is to be kept back"
    FINAL = "the next answer is the one to send"
    BUSY = "it is being sent; tornado finishes what is not finished yet, which is nothing new then"


class FaultInjection:
    """Of one request on a server with faults. It begins when the request was let in and its body is there."""

    def __init__(self, handler: AnsweringHandler, faults: Faults) -> None:
        self._handler = handler
        self._faults = faults
        request = handler.request
        self._call = Call(str(request.method), request.path, request.headers.get("Authorization", ""))
        self._injected = InjectedFault()
        self._stage = _Stage.FREE
        self._sending: asyncio.Future[None] | None = None
        name = self._call.method.lower()
        self._work = getattr(handler, name)
        setattr(handler, name, self._run)  # where tornado looks for the work once the body is there

    async def _run(self, *args: str, **kwargs: str) -> None:
        injected = self._injected = self._faults.inject(self._call)
        if injected.fault or injected.delay_s or injected.stall_s:
            self._note(_describe(injected))
        await asyncio.sleep(injected.delay_s)
        if injected.fault and not injected.fault.after_work:
            self._begin_to_hold()
            self._handler.finish()
            return
        if injected.fault or injected.stall_s or injected.reply_faults:
            self._begin_to_hold()
        done = self._work(*args, **kwargs)
        if done is not None:
            await done
        if self._stage is _Stage.HELD:
            self._handler.finish()

    def _begin_to_hold(self) -> None:
        self._stage = _Stage.HELD
        self._handler._auto_finish = False

    # ---- what the handler's `finish` becomes

    def finish(self, chunk: Chunk) -> asyncio.Future[None]:
        handler = self._handler
        if self._stage is _Stage.FREE:
            return RequestHandler.finish(handler, chunk)
        if self._stage is not _Stage.BUSY:
            if chunk is not None:
                handler.write(chunk)
            work = self._judge() if self._stage is _Stage.HELD else self._send()
            self._stage = _Stage.BUSY
            self._sending = asyncio.ensure_future(work)
            self._sending.add_done_callback(self._report)
        assert self._sending is not None
        return self._sending

    def _report(self, sending: asyncio.Future[None]) -> None:
        if sending.cancelled() or isinstance(sending.exception(), StreamClosedError | None):
            return  # done, or the client did not wait, or the server ends
        LOG.error("a fault could not be brought about", exc_info=sending.exception())
        if not self._handler._finished:
            self._handler.detach().close()

    async def _judge(self) -> None:
        """The answer is there, or the fault came instead of the work."""
        handler, what = self._handler, self._injected.fault.action if self._injected.fault else None
        if isinstance(what, ConnectionFault):
            await self._break(what.how)
            return
        self._stage = _Stage.FINAL
        if handler._headers_written:  # it sends its answer in parts, of which the first are gone
            handler.finish()
        elif isinstance(what, StatusFault):
            self._answer_status(what)
        elif isinstance(what, AnswerFault):
            self._change(what.how)
        else:
            self._change_statement()

    def _answer_status(self, what: StatusFault) -> None:
        handler = self._handler
        handler.clear()
        message = what.message or MESSAGES.get(what.status, responses.get(what.status, "Unknown error"))
        if what.retry_after is not None:
            seconds = math.ceil(what.retry_after.pick(self._injected.fraction))
            moment = datetime.now(UTC) + timedelta(seconds=seconds)
            if what.retry_after_form == "body":
                message = what.message or blocked_until(moment)
            else:
                form = str(seconds) if what.retry_after_form == "seconds" else format_datetime(moment, usegmt=True)
                handler.set_header("Retry-After", form)
        if what.status == 401:
            handler.set_header("WWW-Authenticate", "Bearer")
        for name, value in what.headers.items():
            handler.set_header(name, value)
        handler.set_status(what.status)
        if what.body == "html":
            self._answer_page()
        elif what.body == "empty":
            handler.finish()
        elif what.body == "message":
            handler.answer({"message": message}, what.status)
        else:
            handler.answer_status(what.status, message, what.error_code or None)

    def _answer_page(self) -> None:
        handler = self._handler
        status = handler.get_status()
        handler.set_header("Content-Type", "text/html")
        handler.finish(gateway_page(status, responses.get(status, "Unknown")))

    def _change(self, how: str) -> None:
        body = self._take_body()
        if self._handler.get_status() in (204, 304):
            self._handler.set_status(200)
        if how == "html":
            self._answer_page()
        else:
            self._handler.finish(half_of(body) if how == "half" else b"")

    def _change_statement(self) -> None:
        body = self._take_body()
        for fault in self._injected.reply_faults:
            changed = changed_statement(body, fault.action.how) if isinstance(fault.action, AnswerFault) else None
            if changed is not None and self._faults.inject_in_reply(fault, self._call):
                self._note(f"is answered by {fault.rule}")
                body = changed
        self._handler.finish(body or None)

    def _take_body(self) -> bytes:
        handler = self._handler
        body, handler._write_buffer = b"".join(handler._write_buffer), []
        return body

    # ---- the socket

    async def _break(self, how: str) -> None:
        handler = self._handler
        if how == "cut" and not handler._headers_written:
            body = self._take_body()
            handler.set_header("Content-Length", str(len(body)))
            handler.write(half_of(body))
            await handler.flush()
        stream = handler.detach()
        if how == "reset" and not stream.closed():
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        stream.close()

    async def _send(self) -> None:
        """All but the last byte, a wait, and that."""
        handler = self._handler
        rest = None
        if self._injected.stall_s and not handler._headers_written and (body := self._take_body()):
            handler.set_header("Content-Length", str(len(body)))
            handler.write(body[:-1])
            await handler.flush()
            await asyncio.sleep(self._injected.stall_s)
            rest = body[-1:]
        await RequestHandler.finish(handler, rest)

    def _note(self, what: str) -> None:
        LOG.info("%s %s %s", self._call.method, ascii(self._call.path), what)


def _describe(injected: InjectedFault) -> str:
    waits: list[Any] = []
    if injected.delay_s:
        waits.append(f"waits {injected.delay_s:.2f} s")
    if injected.stall_s:
        waits.append(f"waits {injected.stall_s:.2f} s before its last byte")
    if fault := injected.fault:
        match fault.action:
            case StatusFault(status=what) | ConnectionFault(how=what) | AnswerFault(how=what):
                waits.append(f"is struck by {fault.rule}: {what}{' after the work' if fault.after_work else ''}")
    return ", ".join(waits)
