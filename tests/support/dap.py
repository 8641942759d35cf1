"""A client of the Debug Adapter Protocol, as small as one can be: what VS Code sends to a debugger that it attaches to.

microsoft.github.io/debug-adapter-protocol/specification
"""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
from collections.abc import Sequence
from typing import Any

WITHIN_S = 30.0
ENDS_WITHIN_S = 5.0


class DapClient:
    """Raises TimeoutError where the debugger does not answer within 30 s, and AssertionError where it refuses."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), timeout=WITHIN_S)
        self._socket.settimeout(None)
        self._stream = self._socket.makefile("rb")
        self._number = 0
        self._is_attached = False
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reading = threading.Thread(target=self._read, name="dap", daemon=True)
        self._reading.start()

    def attach(self, within_s: float = WITHIN_S, **arguments: Any) -> None:
        """With the requests that VS Code sends, in their order. The answer to `attach` comes after `configurationDone`."""
        about = {"clientID": "test", "adapterID": "debugpy", "pathFormat": "path", "linesStartAt1": True}
        self._answer(self._send("initialize", about), within_s)
        attaching = self._send("attach", {"justMyCode": True, **arguments})
        self.event("initialized", within_s)
        self.request("setExceptionBreakpoints", filters=[])
        self.request("configurationDone")
        self._answer(attaching)
        self._is_attached = True

    def request(self, command: str, **arguments: Any) -> dict[str, Any]:
        return self._answer(self._send(command, arguments))

    def disconnect(self) -> None:
        """Once: a debugger answers nobody afterwards."""
        self._is_attached = False
        self._answer(self._send("disconnect", {"terminateDebuggee": False}), ENDS_WITHIN_S)

    def event(self, name: str, within_s: float = WITHIN_S) -> dict[str, Any]:
        """The body of the next event of that name. Those before it are dropped."""
        while True:
            try:
                event = self._events.get(timeout=within_s)
            except queue.Empty:
                raise TimeoutError(f"no event {name}") from None
            if event["event"] == name:
                body: dict[str, Any] = event.get("body", {})
                return body

    def set_breakpoints(self, path: str, lines: Sequence[int]) -> list[dict[str, Any]]:
        places = [{"line": line} for line in lines]
        answer = self.request("setBreakpoints", source={"path": path}, breakpoints=places)
        found: list[dict[str, Any]] = answer["breakpoints"]
        return found

    def top_frame(self, thread: int) -> dict[str, Any]:
        frame: dict[str, Any] = self.request("stackTrace", threadId=thread)["stackFrames"][0]
        return frame

    def variables(self, frame: dict[str, Any]) -> dict[str, str]:
        """Of its first scope: the locals, which in a cell are its names."""
        (scope, *_) = self.request("scopes", frameId=frame["id"])["scopes"]
        found = self.request("variables", variablesReference=scope["variablesReference"])["variables"]
        return {one["name"]: one["value"] for one in found}

    def close(self) -> None:
        """As VS Code ends it. May be called again."""
        if self._is_attached:
            with contextlib.suppress(OSError, TimeoutError, AssertionError):  # the debugger has ended
                self.disconnect()
        with contextlib.suppress(OSError):  # the debugger has closed it
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reading.join(WITHIN_S)
        self._stream.close()
        self._socket.close()

    def _send(self, command: str, arguments: dict[str, Any]) -> int:
        self._number += 1
        text = json.dumps({"seq": self._number, "type": "request", "command": command, "arguments": arguments}).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(text), text))
        return self._number

    def _answer(self, number: int, within_s: float = WITHIN_S) -> dict[str, Any]:
        while True:
            try:
                answer = self._answers.get(timeout=within_s)
            except queue.Empty:
                raise TimeoutError(f"no answer to request {number}") from None
            if answer["request_seq"] == number:
                assert answer["success"], answer
                body: dict[str, Any] = answer.get("body", {})
                return body

    def _read(self) -> None:
        with contextlib.suppress(ConnectionResetError):  # an end like any other
            while header := self._stream.readline():
                length = int(header.split(b":")[1])
                self._stream.readline()
                message = json.loads(self._stream.read(length))
                {"response": self._answers, "event": self._events}.get(message["type"], queue.Queue()).put(message)
        self._events.put({"event": "closed"})
