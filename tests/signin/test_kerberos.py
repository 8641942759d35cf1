"""`livy_auth kerberos` with a real KDC of MIT Kerberos on this machine, and a server that takes its tickets."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fabric_livy_magic.errors import FabricLivyError
from fabric_livy_magic.sessions.account import Account

pytest.importorskip("requests_kerberos", reason="requests-kerberos is not installed: pip install '.[kerberos]'")
gssapi = pytest.importorskip("gssapi")
SBIN = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
PROGRAMS = {name: shutil.which(name, path=SBIN) for name in ("krb5kdc", "kdb5_util", "kadmin.local", "kinit")}
pytestmark = pytest.mark.skipif(not all(PROGRAMS.values()), reason="MIT Kerberos is not installed: krb5-kdc, krb5-user")
REALM = "EXAMPLE.TEST"
CLIENT = """[libdefaults]
 default_realm = EXAMPLE.TEST
 dns_lookup_kdc = false
 rdns = false
 dns_canonicalize_hostname = false
[realms]
 EXAMPLE.TEST = {{
  kdc = 127.0.0.1:{port}
 }}
[domain_realm]
 localhost = EXAMPLE.TEST
"""
KDC = """[kdcdefaults]
 kdc_ports = {port}
 kdc_tcp_ports = {port}
[realms]
 EXAMPLE.TEST = {{
  database_name = {folder}/principal
  key_stash_file = {folder}/stash
 }}
"""


class Livy(BaseHTTPRequestHandler):
    """Lists one session, whose owner is who the ticket says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Negotiate":
            self._answer(401, b"", "Negotiate")
            return
        context = gssapi.SecurityContext(usage="accept")
        answer = context.step(base64.b64decode(token))
        owner = str(context.initiator_name)
        view = {"from": 0, "total": 1, "sessions": [{"id": 0, "state": "idle", "owner": owner}]}
        self._answer(200, json.dumps(view).encode(), f"Negotiate {base64.b64encode(answer).decode()}")

    def _answer(self, status: int, body: bytes, negotiate: str) -> None:
        self.send_response(status)
        self.send_header("WWW-Authenticate", negotiate)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def run(program: str, *words: str, typed: str = "") -> None:
    subprocess.run([str(PROGRAMS[program]), *words], input=typed, text=True, check=True, capture_output=True)


@pytest.fixture
def realm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for variable, text in (("KRB5_CONFIG", CLIENT), ("KRB5_KDC_PROFILE", KDC)):
        (tmp_path / variable).write_text(text.format(port=port, folder=tmp_path), encoding="utf-8")
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setenv("KRB5CCNAME", str(tmp_path / "tickets"))
    monkeypatch.setenv("KRB5_KTNAME", str(tmp_path / "keytab"))
    run("kdb5_util", "create", "-s", "-P", "master", "-r", REALM)
    for query in ("addprinc -pw secret ann", "addprinc -randkey HTTP/localhost", "ktadd HTTP/localhost"):
        run("kadmin.local", "-q", query)
    with subprocess.Popen([str(PROGRAMS["krb5kdc"]), "-n"], stderr=subprocess.DEVNULL) as kdc:
        yield
        kdc.terminate()


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Livy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_address[1]}"
        server.shutdown()


def test_a_ticket_signs_in(realm: None, url: str) -> None:
    run("kinit", "ann", typed="secret\n")
    (session,) = Account({"target": url, "livy_auth": "kerberos"}).client().list_sessions()
    assert session.owner == f"ann@{REALM}"


def test_without_a_ticket_the_refusal_is_told(realm: None, url: str) -> None:
    with pytest.raises(FabricLivyError) as told:
        Account({"target": url, "livy_auth": "kerberos"}).client().list_sessions()
    assert "az login" not in str(told.value)
