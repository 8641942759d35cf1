"""Each step from a fresh laptop to a session, checked in turn, with what to do about what is wrong."""

from __future__ import annotations

import importlib.metadata
import math
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fabric_livy_magic.clouds import cloud_of
from fabric_livy_magic.errors import (
    AccessError,
    CapacityError,
    ConnectionFailed,
    FabricLivyError,
    HttpError,
    NotFoundError,
    SettingsError,
)
from fabric_livy_magic.fabric.targets import ids_in_url
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.target_words import OF_APACHE_LIVY, OF_FABRIC
from fabric_livy_magic.livy.waiting import Overdue, interruptible_call
from fabric_livy_magic.sessions.connections import trusted
from fabric_livy_magic.settings_files import shown_name
from fabric_livy_magic.signin.identity import Identity
from fabric_livy_magic.signin.tokens import DELEGATED_SCOPES

if TYPE_CHECKING:
    from fabric_livy_magic.sessions.runner import Runner

OK, WARN, FAIL = "ok", "warn", "fail"
STEP_WITHIN_S = 90.0  # a call may be tried again for 60 s


@dataclass(frozen=True)
class Finding:
    """One line: `verdict` is ok, warn or fail; `advice` is empty where nothing has to be done."""

    verdict: str
    what: str
    detail: str
    advice: str = ""


def examine(runner: Runner, step_within_s: float = STEP_WITHIN_S) -> list[Finding]:
    """All findings, up to the first step that later ones cannot do without, or that does not end in that time."""
    found: list[Finding] = []
    for step in (_versions, _files, _target, _network, _token, _lakehouse, _role, _endpoint, _capacity, _environment):
        found += _findings(step, runner, step_within_s)
        if found and found[-1].verdict == FAIL:
            break
    return found


def _findings(step: Callable[[Runner], Iterator[Finding]], runner: Runner, within_s: float) -> list[Finding]:
    """Those of a step that ends; a sign-in has deadlines of its own, as a person may have to act."""
    until_s = math.inf if step is _token else time.monotonic() + within_s
    try:
        return interruptible_call(lambda: list(step(runner)), is_overdue=lambda: time.monotonic() > until_s)
    except Overdue:
        what = step.__name__.strip("_")
        return [
            Finding(FAIL, what, f"no end within {within_s:.0f} s", "Is the network (VPN, proxy, DNS) there? Try again.")
        ]


def _versions(runner: Runner) -> Iterator[Finding]:
    names = ("fabric-livy-magic", "ipython", "ipykernel", "pandas", "pyarrow", "msal", "pyspark")
    installed = []
    for name in names:
        try:
            installed.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    yield Finding(OK, "versions", f"Python {platform.python_version()} on {platform.system()}, {', '.join(installed)}")


def _files(runner: Runner) -> Iterator[Finding]:
    """What the project's file chose in vain. Nothing where all counts."""
    for ignored in runner.account.ignored():
        yield Finding(
            WARN,
            "settings",
            f"{ignored.path}: {', '.join(map(shown_name, ignored.choices))} does not count",
            ignored.why,
        )


def _target(runner: Runner) -> Iterator[Finding]:
    try:
        target = runner.account.target
    except SettingsError as error:
        yield Finding(
            FAIL,
            "target",
            "none was chosen" if not runner.settings.target else str(error),
            "`%livy use workspace/lakehouse`",
        )
        return
    yield Finding(OK, "target", target.text)


def _network(runner: Runner) -> Iterator[Finding]:
    """A GET without a token: any answer, also a refusal, shows that host, TLS and proxy work."""
    if runner.account.target.is_embedded:
        return
    settings = runner.settings
    wanted = {runner.account.target.url or settings.api_url: "network"}
    if runner.account.target.is_fabric_api:
        wanted[
            f"{settings.authority_host}/{settings.tenant or 'organizations'}/v2.0/.well-known/openid-configuration"
        ] = "authority"
    for url, what in wanted.items():
        try:
            LivyHttp(url, None, timeout_s=15.0, verify=trusted(url, settings)).with_short_timeouts().get("")
        except ConnectionFailed as error:
            yield Finding(
                WARN if what == "authority" else FAIL,  # a token that is there needs no authority
                what,
                str(error),
                "Check network, proxy (HTTPS_PROXY) and certificates (`%livy config ca_file FILE`).",
            )
            return
        except HttpError:
            pass  # it answered
        yield Finding(OK, what, f"{urlsplit(url).netloc} answers")


def _token(runner: Runner) -> Iterator[Finding]:
    if runner.account.target.is_embedded or not runner.account.target.is_fabric_api:
        return
    try:
        who = runner.account.whoami()
    except FabricLivyError as error:
        yield Finding(FAIL, "sign-in", str(error), "`%livy login`")
        return
    yield Finding(OK, "sign-in", f"{who.who}" + (f", tenant {who.tenant}" if who.tenant else ""))
    yield from _claims(who, runner)


def _claims(who: Identity, runner: Runner) -> Iterator[Finding]:
    cloud = cloud_of(runner.settings.api_url, runner.settings.authority_host)
    if who.audience and who.audience.rstrip("/") not in cloud.audiences:
        yield Finding(
            FAIL,
            "token audience",
            who.audience,
            f"The token is for another service. Ask for one for {cloud.resource}.",
        )
        return
    if who.expires_at is not None:
        left_s = who.expires_at - time.time()
        verdict = OK if left_s > 300 else WARN if left_s > 0 else FAIL
        advice = (
            ""
            if verdict == OK
            else "It is renewed by itself, except one from FABRIC_LIVY_TOKEN: put in a new one. Is this machine's clock right?"
        )
        yield Finding(
            verdict, "token expiry", f"in {left_s / 60:.0f} minutes" if left_s > 0 else "it has expired", advice
        )
    if who.scopes and "user_impersonation" not in who.scopes and any("." in scope for scope in who.scopes):
        missing = [scope for scope in DELEGATED_SCOPES if scope not in who.scopes]
        if missing:
            yield Finding(
                WARN,
                "token scopes",
                f"missing: {', '.join(missing)}",
                "Grant them to the app registration, or sign in without --client-id.",
            )


def _endpoint(runner: Runner) -> Iterator[Finding]:
    yield _tried(runner, "Livy endpoint", lambda: f"{len(runner.account.client().list_sessions())} sessions there")


def _lakehouse(runner: Runner) -> Iterator[Finding]:
    if not runner.account.target.is_fabric_api:
        return

    def names() -> str:
        workspace_id, lakehouse_id = ids_in_url(runner.account.client().http.base_url)
        api = runner.account.api()
        return f"{api.find_workspace(workspace_id).name} / {api.lakehouse(workspace_id, lakehouse_id).name}"

    finding = _tried(runner, "workspace and lakehouse", names)
    # A role that may run Spark need not be able to list workspaces: no reason to stop here.
    yield Finding(WARN, finding.what, finding.detail, finding.advice) if finding.verdict == FAIL else finding


def _role(runner: Runner) -> Iterator[Finding]:
    if not runner.account.target.is_fabric_api or runner.account.target.is_embedded:
        return
    try:
        workspace_id, _ = ids_in_url(runner.account.client().http.base_url)
        may_run = {one.id for one in runner.account.api().workspaces("Admin", "Member", "Contributor")}
    except FabricLivyError as error:
        yield Finding(WARN, "role", f"could not be read: {error}")
        return
    if workspace_id in may_run:
        yield Finding(OK, "role", "may run Spark")
    else:
        yield Finding(
            FAIL,
            "role",
            "Viewer, or none",
            "Ask an admin of the workspace for the Contributor role: it is the least that may run Spark.",
        )


def _capacity(runner: Runner) -> Iterator[Finding]:
    if not runner.account.target.is_fabric_api:
        return
    running = [info for info in runner.account.client().list_sessions() if not info.state.has_ended]
    others = {info.id for info in running} - {session.id for session in runner.sessions.values()}
    if others and not runner.account.target.is_embedded:
        advice = "`%livy sessions` lists them; each holds capacity, also while idle."
        yield Finding(WARN, "capacity", f"{len(others)} sessions run that this notebook did not start", advice)
    else:
        yield Finding(OK, "capacity", f"{len(running)} sessions run")
    if runner.account.target.is_fabric_api and not runner.account.target.is_embedded:
        try:
            paused = [
                one.name for one in runner.account.api().capacities() if one.properties.get("state") == "Inactive"
            ]
        except FabricLivyError:
            return  # listing capacities takes a right of its own, which running Spark does not
        if paused:
            yield Finding(
                WARN,
                "capacity",
                f"paused: {', '.join(paused)}",
                "Resume it in the Azure portal if the workspace is on it.",
            )


def _environment(runner: Runner) -> Iterator[Finding]:
    if not runner.account.target.is_fabric_api:
        return
    chosen = runner.sessions.spec.conf.get("spark.fabric.environmentDetails")
    if not chosen:
        yield Finding(OK, "environment", "none was chosen, so the starter pool can serve")
        return
    yield _tried(runner, "environment", lambda: runner.account.environment_name(chosen))


def _tried(runner: Runner, what: str, attempt: Callable[[], str]) -> Finding:
    words = OF_FABRIC if runner.account.target.is_fabric_api else OF_APACHE_LIVY
    try:
        return Finding(OK, what, attempt())
    except NotFoundError as error:
        return Finding(FAIL, what, str(error), words.not_found)
    except AccessError as error:
        return Finding(FAIL, what, str(error), words.ask_for)
    except CapacityError as error:
        return Finding(FAIL, what, str(error), "Stop a session that is not needed, or wait.")
    except FabricLivyError as error:
        return Finding(FAIL, what, str(error), "")
