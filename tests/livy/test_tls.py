"""TLS as it is: real sockets, a certificate of a CA that only one file names."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fabric_livy_magic.errors import ConnectionFailed
from fabric_livy_magic.livy.http import LivyHttp
from tests.support.faulty_network import HOST, FaultyNetwork, tls_of


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *words: Any) -> None:
        """Nothing."""


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """A client that does not trust it hangs up."""


def serving(tls: ssl.SSLContext | None) -> Iterator[str]:
    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    with FaultyNetwork(0, share=0):
        yield f"https://{HOST}:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def ca_file(tmp_path: Path) -> str:
    return str(tls_of(tmp_path)[1])


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    yield from serving(tls_of(tmp_path)[0])


@pytest.fixture
def plain_address() -> Iterator[str]:
    yield from serving(None)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_setting_ca_file_goes_before_the_environment(
    address: str, ca_file: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, ssl.get_default_verify_paths().openssl_cafile)
    assert LivyHttp(address, verify=ca_file).get("/") == {}


def test_an_untrusted_certificate_is_reported_without_a_retry(address: str) -> None:
    with pytest.raises(ConnectionFailed, match=r"No trusted TLS connection to livy\.test.*ca_file"):
        LivyHttp(address, sleep=no_wait).get("/")


def test_a_server_without_tls_is_reported_without_a_retry(plain_address: str) -> None:
    with pytest.raises(ConnectionFailed, match="does not speak TLS"):
        LivyHttp(plain_address, sleep=no_wait).get("/")


def no_wait(seconds: float) -> None:
    raise AssertionError(f"it waited {seconds} s, to try again")
