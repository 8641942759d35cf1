"""Files that are added to a running session: by their URI, or uploaded."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from py4j.protocol import Py4JError, Py4JJavaError
from tornado.httputil import HTTPFile, HTTPInputError, parse_body_arguments

from fabric_livy_magic.local.apache import request_parsing
from fabric_livy_magic.local.apache.python_tasks import submit_to_python
from fabric_livy_magic.local.apache.refusals import LivyRefusal, message, null_pointer, thrown, unreadable
from fabric_livy_magic.local.apache.sessions import POLL_INTERVAL_S, SessionHandler, livy_message
from fabric_livy_magic.local.lakehouse.onelake_paths import BadPath
from fabric_livy_magic.local.server.server import Server
from fabric_livy_magic.local.sessions.dependencies import spark_address
from fabric_livy_magic.local.sessions.session import Session

RESOURCES = ("jar", "pyfile", "file")
UPLOAD_BYTES = 100 * 1024 * 1024  # Livy's `livy.file.upload.max.size`, and tornado's limit
ENCODED_NAME = "utf-8''"  # how older clients of Livy mark a name that is not ASCII


class ResourceHandler(SessionHandler):
    """`kind` is one of RESOURCES."""

    def initialize(self, server: Server, kind: str) -> None:  # type: ignore[override]
        super().initialize(server)
        self.kind = kind

    async def add(self, session: Session, uri: str) -> None:
        repl = await self.active_repl(session)
        session.touch()
        if self.kind == "pyfile":
            task = submit_to_python(session, repl, "py_file", uri)
            while (reply := task.reply()) is None:
                await asyncio.sleep(POLL_INTERVAL_S)
            task.forget()
            if "error" in reply:
                raise not_added(reply["error"])
            return
        add = add_jar if self.kind == "jar" else add_file
        try:
            await asyncio.get_running_loop().run_in_executor(None, add, session, uri)
        except Py4JJavaError as failure:
            raise not_added(str(failure.java_exception.toString())) from failure
        except (Py4JError, OSError) as failure:  # the JVM ended meanwhile
            raise not_added(str(failure)) from failure


def add_file(session: Session, uri: str) -> None:
    session.application.jvm.spark.sparkContext().addFile(uri)


def add_jar(session: Session, uri: str) -> None:
    """For tasks and for SQL's functions."""
    session.application.jvm.spark.sessionState().resourceLoader().addJar(uri)


def not_added(reason: str) -> LivyRefusal:
    return thrown("java.util.concurrent.ExecutionException", f"java.lang.RuntimeException: {reason}")


class AddHandler(ResourceHandler):
    async def post(self, id_or_name: str) -> None:
        uri = request_parsing.read_resource(self.json_text)
        session = self.known_session(id_or_name)
        if uri is None:
            raise null_pointer("uri")
        try:
            address = spark_address(uri, "files", self.lakehouse, self.server.workspaces)
        except BadPath as problem:
            raise message(400, livy_message(problem)) from problem
        await self.add(session, address)
        self.answer_nothing(200)


class UploadHandler(ResourceHandler):
    body_limit_bytes = UPLOAD_BYTES

    async def post(self, id_or_name: str) -> None:
        session = self.known_session(id_or_name)
        part = "jar" if self.kind == "jar" else "file"
        uploads = self._files().get(part)
        if not uploads:
            raise unreadable(f"No {part} sent!")
        path = await asyncio.get_running_loop().run_in_executor(None, _save, session, uploads[0])
        await self.add(session, path.as_uri())
        self.answer_nothing(200)

    def _files(self) -> dict[str, list[HTTPFile]]:
        files: dict[str, list[HTTPFile]] = {}
        content_type = self.request.headers.get("Content-Type", "")
        if content_type.startswith("multipart/form-data"):
            try:
                parse_body_arguments(content_type, self.body, {}, files)
            except HTTPInputError as problem:
                raise unreadable(str(problem)) from problem
        return files


def _save(session: Session, upload: HTTPFile) -> Path:
    """Each in a new folder: Spark takes a path that it has seen before for the same file."""
    path = Path(tempfile.mkdtemp(prefix="upload-", dir=session.folders.private)) / _file_name(upload.filename)
    path.write_bytes(upload.body)
    return path


def _file_name(sent: str) -> str:
    """The bare file name: the client does not choose the folder."""
    if sent.lower().startswith(ENCODED_NAME):
        sent = unquote(sent[len(ENCODED_NAME) :])
    name = PurePosixPath(sent.replace("\\", "/")).name
    return "".join(letter for letter in name if letter.isprintable()) or "upload"
