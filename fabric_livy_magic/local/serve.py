"""`fabric-livy serve`: the server process, from its options to its clean end."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from fabric_livy_magic.errors import LocalFabricError
from fabric_livy_magic.local.faults.reading import read_faults
from fabric_livy_magic.local.faults.rules import Faults
from fabric_livy_magic.local.lakehouse.fresh_lakehouses import FreshLakehouses
from fabric_livy_magic.local.lakehouse.workspaces import Workspaces, one_lakehouse, read_workspaces
from fabric_livy_magic.local.server.announcement import DIALECTS, FABRIC, LIVY, OPEN_TO_ALL, Announcement, announce
from fabric_livy_magic.local.server.certificate import served_certificate
from fabric_livy_magic.local.server.discovery import published_token, remove_token
from fabric_livy_magic.local.server.launch import MISSING_EXTRA, NOT_ON_WINDOWS, data_folder, default_lakehouse
from fabric_livy_magic.local.server.server_log import begin_log
from fabric_livy_magic.local.server.tokens import AuthorityTokens, BadAuthority, NoToken, OwnToken, Tokens, read_token
from fabric_livy_magic.local.spark.cache import cache_folder
from fabric_livy_magic.local.spark.process_groups import ProcessGroups, folder_of_run
from fabric_livy_magic.own_folders import own_folder
from fabric_livy_magic.started_processes import server_environment

if TYPE_CHECKING:
    from fabric_livy_magic.local.server.server import Server
    from fabric_livy_magic.local.sessions.capacity import Capacity

UNUSED_S, UNASKED_S = 10.0, 300.0
BODY_TIMEOUT_S = 600.0  # a request whose body never ends must not be kept for good
IN_SO_MANY_WORDS = "any-program-may-run-code-as-me"
EXIT_USAGE, EXIT_MISSING_EXTRA = 2, 3


def add_serve_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: any free one)")
    parser.add_argument(
        "--dialect",
        choices=DIALECTS,
        default=FABRIC,
        help="whose API it speaks: Fabric's, or Apache Livy's at /sessions and /batches (default: fabric)",
    )
    _add_token_arguments(parser)
    parser.add_argument(
        "--lakehouse", type=Path, help="folder that holds Tables/ and Files/ (default: one in the user's data folder)"
    )
    parser.add_argument(
        "--no-schemas",
        action="store_true",
        help="the lakehouse has no schemas, and its tables are in Tables/ itself (default: schemas, as in Fabric)",
    )
    parser.add_argument("--workspaces", type=Path, help="TOML or JSON file that names workspaces and their lakehouses")
    parser.add_argument(
        "--tls",
        action="store_true",
        help="speak https, with a certificate of its own for 127.0.0.1 and localhost; prints the file to trust",
    )
    parser.add_argument("--page-size", type=int, default=100, help="entries on a page of a list (default: 100)")
    parser.add_argument(
        "--capacity",
        type=int,
        metavar="N",
        help="most Spark applications alive at a time; more are refused with 430, as Fabric does (default: a GiB each)",
    )
    parser.add_argument(
        "--quirks", action="store_true", help="have the bugs of Apache Livy too, to test clients against"
    )
    parser.add_argument(
        "--faults", type=Path, help="TOML file of what is to go wrong, to test clients against (default: nothing)"
    )
    parser.add_argument(
        "--share-spark",
        action="store_true",
        help="one Spark application for all sessions that ask for none of their own: each then starts in about a second",
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON when ready, and nothing else")
    parser.add_argument("--owned", action="store_true", help="end when standard input ends")
    parser.add_argument(
        "--while-used", action="store_true", help="end a moment after the last session and the last batch have ended"
    )


def _add_token_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--token-file", metavar="FILE", help="file with the bearer token that requests must carry; - is standard input"
    )
    parser.add_argument(
        "--token",
        help="the token itself, which every user of the machine sees in the list of processes (default: a random one)",
    )
    parser.add_argument(
        "--no-token",
        nargs="?",
        const="",
        metavar="WORDS",
        help="with --dialect livy, for clients that send none: any program of this machine may then run code as you; refused "
        f"without the words {IN_SO_MANY_WORDS}",
    )
    parser.add_argument("--authority", help="https address of an authority whose tokens requests must carry instead")
    parser.add_argument("--authority-ca", type=Path, help="file of the certificates that vouch for the authority")
    parser.add_argument("--tenant", help="the only tenant of the authority that is let in (default: each)")
    parser.add_argument(
        "--clock-skew",
        type=float,
        default=300.0,
        help="seconds by which a token may be too old or too new (default: 300)",
    )


def run_serve(options: argparse.Namespace) -> int:
    """Runs until SIGTERM and SIGINT or, when owned, the end of standard input. Returns the exit code."""
    if os.name == "nt":
        return _fail(NOT_ON_WINDOWS, EXIT_USAGE)
    if options.owned:
        ignore_interrupts()
    needed = ("tornado", "pyspark", "py4j", *(["cryptography"] if options.tls else []))
    if any(find_spec(name) is None for name in needed):
        return _fail(MISSING_EXTRA, EXIT_MISSING_EXTRA)
    if problem := _usage_problem(options):
        return _fail(problem, EXIT_USAGE)
    for name in os.environ.keys() - server_environment().keys():
        del os.environ[name]  # py4j starts Java with all that this process has
    try:
        cache_folder()  # raises here, not in each session
        workspaces = _workspaces(options)
        tokens, token = _tokens(options)
        faults = read_faults(options.faults.expanduser()) if options.faults else None
        tls = served_certificate() if options.tls else None
        listener = socket.create_server(("127.0.0.1", options.port), backlog=128)
    except (ValueError, LocalFabricError) as problem:  # BadWorkspaces, BadAuthority, BadFaults, BadToken
        return _fail(str(problem), EXIT_USAGE)
    except OverflowError:
        return _fail(f"{options.port} is no port number", EXIT_USAGE)
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            return _fail(
                f"port {options.port} is in use; choose another --port, or leave it out for a free one", EXIT_USAGE
            )
        return _fail(str(problem), EXIT_USAGE)
    with listener:
        announcement = Announcement(
            token,
            options.authority,
            options.json,
            options.owned,
            options.dialect,
            faults.seed if faults else None,
            begin_log(),
            tls,
        )
        asyncio.run(_serve(listener, workspaces, tokens, faults, announcement, options))
    return 0


def ignore_interrupts() -> None:
    """In this process and all that it starts. A front end that interrupts the owner's notebook may send SIGINT to each process
    below it. It is blocked as well, since PySpark's workers set a handler of their own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _usage_problem(options: argparse.Namespace) -> str | None:
    if options.workspaces and options.lakehouse:
        return "--workspaces names the folders of its lakehouses; leave --lakehouse out"
    if options.workspaces and options.no_schemas:
        return "--workspaces says of each lakehouse whether it has schemas; leave --no-schemas out"
    own_tokens = [options.token, options.token_file]
    if options.no_token is not None and (problem := _no_token_problem(options)):
        return problem
    if options.authority and any(one is not None for one in own_tokens):
        return "with --authority, requests carry its tokens; leave --token and --token-file out"
    if None not in own_tokens:
        return "--token-file has the token; leave --token out"
    if not options.authority and (options.authority_ca or options.tenant):
        return "--authority-ca and --tenant belong to --authority, which is not there"
    if options.authority and options.dialect == LIVY:
        return "clients of Apache Livy bring no tokens of an authority; leave --authority out"
    if options.share_spark and options.dialect == LIVY:
        return "sessions of Apache Livy share no Spark application; leave --share-spark out"
    if options.capacity is not None and options.capacity < 1:
        return "--capacity is a number above 0"
    if options.page_size < 1 or not 0 <= options.clock_skew < float("inf"):
        return "--page-size is a number above 0, --clock-skew one that is not below"
    return None


def _no_token_problem(options: argparse.Namespace) -> str | None:
    if options.dialect != LIVY or options.authority or options.token is not None or options.token_file is not None:
        return "--no-token is for --dialect livy, beside no other token"
    if options.no_token != IN_SO_MANY_WORDS:
        return (
            "--no-token lets every user and every program of this machine run code as you, read your files and use what you are "
            f"signed in to. If that is meant, say so: --no-token {IN_SO_MANY_WORDS}"
        )
    return None


def _workspaces(options: argparse.Namespace) -> Workspaces:
    if options.workspaces:
        return read_workspaces(options.workspaces.expanduser())
    folder: Path = (options.lakehouse or default_lakehouse()).expanduser().resolve()
    if folder.is_relative_to(data_folder().resolve()):
        own_folder(folder)
    else:
        folder.mkdir(parents=True, exist_ok=True)  # as open as the user's umask has it
    return one_lakehouse(folder, schemas=options.dialect == FABRIC and not options.no_schemas)


def _tokens(options: argparse.Namespace) -> tuple[Tokens, str | None]:
    """The check, and the server's own token where that is what requests carry."""
    if options.no_token:
        print(f"fabric-livy serve: warning: {OPEN_TO_ALL}", file=sys.stderr)  # noqa: T201 - a command line
        return NoToken(), None
    if not options.authority:
        given = read_token(options.token_file) if options.token_file is not None else options.token
        token = given or secrets.token_urlsafe(32)
        return OwnToken(token), token
    if find_spec("jwt") is None or find_spec("cryptography") is None:
        raise BadAuthority("checking an authority's tokens needs msal: pip install fabric-livy-magic")
    return AuthorityTokens(options.authority, options.authority_ca, options.tenant, options.clock_skew), None


def _fail(message: str, code: int) -> int:
    print(f"fabric-livy serve: {message}", file=sys.stderr)  # noqa: T201 - a command line
    return code


def _server(
    folder: Path,
    groups: ProcessGroups,
    workspaces: Workspaces,
    tokens: Tokens,
    faults: Faults | None,
    options: argparse.Namespace,
) -> Server:
    from fabric_livy_magic.local.batches.batches import Batches
    from fabric_livy_magic.local.lakehouse.served_workspaces import ServedWorkspaces
    from fabric_livy_magic.local.server.server import Server
    from fabric_livy_magic.local.sessions.capacity import Capacity, usual_limit
    from fabric_livy_magic.local.sessions.ended_jobs import EndedJobs
    from fabric_livy_magic.local.sessions.high_concurrency import HighConcurrencySessions
    from fabric_livy_magic.local.sessions.lifetimes import livy_lifetimes
    from fabric_livy_magic.local.sessions.notebook_context import notebooks_folder
    from fabric_livy_magic.local.sessions.sessions import Sessions, counting_ids

    capacity = Capacity(usual_limit() if options.capacity is None else options.capacity)
    quirks: bool = options.quirks
    ended_jobs = EndedJobs(folder / "ended")
    served = ServedWorkspaces(workspaces, notebooks_folder() if options.dialect == FABRIC else None)
    shared = (folder, groups, capacity, served)
    if options.dialect == LIVY:
        lifetimes = livy_lifetimes(quirks=quirks)
        sessions = Sessions(*shared, counting_ids(), lifetimes, quirks=quirks, faults=faults)
        batches = Batches(*shared, counting_ids())
    else:
        sessions = Sessions(
            *shared,
            quirks=quirks,
            faults=faults,
            notebookutils=True,
            shares_spark=options.share_spark,
            ended_jobs=ended_jobs,
        )
        batches = Batches(*shared, ended_jobs=ended_jobs)
    return Server(
        served=served,
        tokens=tokens,
        capacity=capacity,
        sessions=sessions,
        high_concurrency=HighConcurrencySessions(sessions),
        batches=batches,
        fresh_lakehouses=FreshLakehouses(workspaces),
        ended_jobs=ended_jobs,
        page_size=options.page_size,
        faults=faults,
        quirks=quirks,
    )


async def _serve(
    listener: socket.socket,
    workspaces: Workspaces,
    tokens: Tokens,
    faults: Faults | None,
    announcement: Announcement,
    options: argparse.Namespace,
) -> None:
    from tornado.httpserver import HTTPServer

    if options.dialect == LIVY:
        from fabric_livy_magic.local.apache.routes import make_app
    else:
        from fabric_livy_magic.local.fabric.routes import make_app

    with folder_of_run() as (folder, groups):
        server = _server(folder, groups, workspaces, tokens, faults, options)
        listener.setblocking(False)
        tls = announcement.tls.context if announcement.tls else None
        http = HTTPServer(make_app(server), ssl_options=tls, body_timeout=BODY_TIMEOUT_S)
        http.add_sockets([listener])
        stop = asyncio.Event()
        _stop_on_signals(stop, (signal.SIGTERM,) if announcement.owned else (signal.SIGINT, signal.SIGTERM))
        if announcement.owned:
            _stop_at_end_of(sys.stdin, stop)
        port = listener.getsockname()[1]
        if announcement.token is None:
            remove_token(port)
        publishes_token = announcement.token is not None and not announcement.owned
        with (
            published_token(port, announcement.token or "")
            if publishes_token
            else contextlib.nullcontext(False) as token_is_published
        ):
            announce(port, workspaces, announcement, token_is_published)
            if options.while_used:
                await _wait_until_unused(server.capacity, stop)
            else:
                await stop.wait()
        http.stop()
        loop = asyncio.get_running_loop()
        stops = (server.sessions.stop_all, server.batches.stop_all)
        await asyncio.gather(*(loop.run_in_executor(None, stop_all) for stop_all in stops))


async def _wait_until_unused(
    capacity: Capacity, stop: asyncio.Event, unused_s: float = UNUSED_S, unasked_s: float = UNASKED_S
) -> None:
    """Until `stop`, or until no Spark application has been alive for a while: at first for longer, as none was asked for yet."""
    loop = asyncio.get_running_loop()
    used_at, most_s = loop.time(), unasked_s
    while not stop.is_set() and loop.time() - used_at < most_s:
        if capacity.alive:
            used_at, most_s = loop.time(), unused_s
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), min(1.0, unused_s))


def _stop_on_signals(stop: asyncio.Event, numbers: Iterable[signal.Signals]) -> None:
    loop = asyncio.get_running_loop()
    for number in numbers:
        loop.add_signal_handler(number, stop.set)


def _stop_at_end_of(stream: TextIO, stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def watch() -> None:
        while os.read(stream.fileno(), 4096):
            pass
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="owner", daemon=True).start()
