"""A Maven repository over real sockets: two empty jars with the names of Delta's, and the failures of such servers."""

from __future__ import annotations

import base64
import contextlib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.entra.certificates import certificate_authority, new_key, pem_of, signed_certificate

USER, PASSWORD, REALM = "me", 'pa "ss" \\', "Some Realm"
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)


def pom(group: str, name: str, version: str, *dependencies: tuple[str, str, str]) -> bytes:
    needed = "".join(
        f"<dependency><groupId>{g}</groupId><artifactId>{a}</artifactId><version>{v}</version></dependency>"
        for g, a, v in dependencies
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        f"<groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version>"
        f"<dependencies>{needed}</dependencies></project>"
    ).encode()


def repository(name: str = "delta-spark_2.12", version: str = "3.3.3") -> dict[str, bytes]:
    """Files by path. Jars that Spark has are dependencies, but not in the repository."""
    storage = ("io.delta", "delta-storage", version)
    of_spark = [("org.antlr", "antlr4-runtime", "4.9.3"), ("org.scala-lang", "scala-library", "2.12.18")]
    files = {}
    for one, needs in (("delta-storage", []), (name, [storage, *of_spark])):
        start = f"io/delta/{one}/{version}/{one}-{version}"
        files[f"{start}.pom"] = pom("io.delta", one, version, *needs)
        files[f"{start}.jar"] = EMPTY_ZIP
    return files


def write_files(files: dict[str, bytes], folder: Path) -> None:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


@dataclass
class MavenServer:
    """Requests for paths that end with `holding` wait until it is `released`. A proxy has its own headers for passwords."""

    files: dict[str, bytes] = field(default_factory=repository)
    wants_password: bool = False
    is_proxy: bool = False
    holding: str = ""
    requests: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    @contextlib.contextmanager
    def serving(self, tls: ssl.SSLContext | None = None) -> Iterator[MavenServer]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign] # clients that were killed close their connections
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}/maven"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield self
        finally:
            self.released.set()
            server.shutdown()
            server.server_close()

    def refusal(self, headers: Message) -> tuple[int, str] | None:
        sent = headers.get("Proxy-Authorization" if self.is_proxy else "Authorization", "")
        if not self.wants_password or sent == f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}":
            return None
        return (407, "Proxy-Authenticate") if self.is_proxy else (401, "WWW-Authenticate")


def _handler(owner: MavenServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            owner.requests.append(self.path)
            if owner.holding and path.endswith(owner.holding):
                owner.released.wait(60)
            data = owner.files.get(path.removeprefix("/maven/"))
            if refused := owner.refusal(self.headers):
                status, challenge = refused
                self.send_response(status)
                self.send_header(challenge, f'Basic realm="{REALM}"')
                data = b""
            else:
                self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data or b"")

        do_HEAD = do_GET  # noqa: N815 - the library's name

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: `requests` has them."""

    return Handler


def private_tls(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """The server's TLS context, signed by a private authority, and the file with that authority's certificate."""
    folder.mkdir(parents=True, exist_ok=True)
    ca = certificate_authority()
    certificate = signed_certificate("maven", new_key(1), ca, new_key(0), addresses=("127.0.0.1",))
    own, authorities = folder / "own.pem", folder / "authorities.pem"
    own.write_bytes(pem_of(new_key(1)) + certificate.public_bytes(Encoding.PEM))
    authorities.write_bytes(b"# the company's own\n" + ca.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)
    return context, authorities
