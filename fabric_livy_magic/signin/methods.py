"""Which sign-in method applies. A new method is a branch of `by_method`, and a name in `settings.METHODS`."""

from __future__ import annotations

import getpass
import os
import shutil
import sys
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fabric_livy_magic.errors import NotSignedIn, SettingsError, SignInError
from fabric_livy_magic.livy.http import LOOPBACK
from fabric_livy_magic.settings import AZURE_CLI_CLIENT_ID, METHODS, Settings, did_you_mean
from fabric_livy_magic.signin.entra.certificates import PASSPHRASE_VARIABLE
from fabric_livy_magic.signin.external_credentials import (
    TOKEN_VARIABLE,
    AzureCli,
    FabricNotebook,
    StaticToken,
    TokenCredential,
)
from fabric_livy_magic.signin.tokens import (
    FABRIC_RESOURCE,
    Credential,
)

if TYPE_CHECKING:
    from fabric_livy_magic.signin.entra.sign_in import App, BrowserSignIn, DeviceCodeSignIn, DevicePrompt, TokenStore

CACHE_NAME = "fabric-livy-magic"
SECRET_VARIABLE = "AZURE_CLIENT_SECRET"  # noqa: S105 - the name of a variable


@dataclass(frozen=True)
class Person:
    """How a sign-in may ask somebody. Without one, nothing is asked: a job must fail, not wait."""

    show: Callable[[DevicePrompt], None]
    ask: Callable[[str], str] = getpass.getpass
    open_browser: Callable[[str], bool] = webbrowser.open
    say: Callable[[str], None] = lambda text: None
    has_browser: bool = True


# ---------------------------------------------------------------------------------------------- which sign-in applies
def credential_for(settings: Settings, environ: Mapping[str, str] | None = None) -> Credential:
    """The credential for calls that nobody watches: it asks nothing.

    `auto` takes the first that fits: given token → environment → Fabric notebook → kept sign-in → Azure CLI.
    """
    environ = os.environ if environ is None else environ
    if settings.method == "auto":
        return _first_that_fits(settings, environ)
    return by_method(settings, environ, person=None)


def _first_that_fits(settings: Settings, environ: Mapping[str, str]) -> Credential:
    if environ.get(TOKEN_VARIABLE):
        return by_method(settings, environ, person=None, method="token")
    if settings.client_id and settings.tenant:
        for method, there in (
            ("secret", SECRET_VARIABLE in environ),
            ("certificate", bool(settings.certificate)),
            ("workload-identity", "AZURE_FEDERATED_TOKEN_FILE" in environ),
        ):
            if there:
                return by_method(settings, environ, person=None, method=method)
    if "IDENTITY_ENDPOINT" in environ or "MSI_ENDPOINT" in environ:
        return by_method(settings, environ, person=None, method="managed-identity")
    if find_spec("notebookutils") is not None:
        return FabricNotebook()
    if kept := kept_sign_in(settings):
        return kept
    if shutil.which("az"):
        return by_method(settings, environ, person=None, method="cli")
    raise NotSignedIn("Not signed in. Run `%livy login`, or see `%livy login --help` for the ways to sign in.")


def _first_or_person(settings: Settings, environ: Mapping[str, str], person: Person | None) -> Credential:
    """The first sign-in that is there, else a browser or a code. An `az` without a login does not count as there."""
    try:
        found = _first_that_fits(settings, environ)
    except NotSignedIn:
        return _sign_in_by_person(settings, person)
    if isinstance(found, AzureCli):
        try:
            found.token()
        except SignInError:
            return _sign_in_by_person(settings, person)
    return found


def by_method(
    settings: Settings, environ: Mapping[str, str], person: Person | None, method: str | None = None
) -> Credential:
    """The credential of one method. Raises SettingsError for what is missing or unknown, SignInError where it fails."""
    method = method or settings.method
    resource = _resource(settings)
    if method == "auto":
        return _first_or_person(settings, environ, person)
    if method == "token":
        if not environ.get(TOKEN_VARIABLE):
            raise SignInError(f"There is no token: put one into the environment variable {TOKEN_VARIABLE}.")
        return StaticToken(environ[TOKEN_VARIABLE])
    if method == "cli":
        return AzureCli(settings.tenant, resource)
    if method == "notebook":
        return FabricNotebook()
    if method in {"browser", "device"}:
        return _sign_in_by_person(settings, person, method)
    if method in METHODS:
        return _application(settings, environ, person, method)
    if "." in method or ":" in method:
        return TokenCredential.by_path(method, resource)
    raise SettingsError(
        f"There is no sign-in method {method!r}.{did_you_mean(method, list(METHODS))} Methods: {', '.join(METHODS)}."
    )


def _application(settings: Settings, environ: Mapping[str, str], person: Person | None, method: str) -> Credential:
    from fabric_livy_magic.signin.entra import sign_in

    if method == "managed-identity":
        return sign_in.ManagedIdentity(client_id=settings.client_id or None, fabric_resource=_resource(settings))
    for name in ("tenant", "client_id"):
        if not getattr(settings, name):
            raise SettingsError(
                f"Sign-in by {method} needs {name}: `%livy login --method {method} --{name.replace('_', '-')} …`, or AZURE_{name.upper()}{'_ID' if name == 'tenant' else ''}."
            )
    app = app_of(settings)
    if method == "secret":
        return sign_in.ServicePrincipal(app, secret=_secret(environ, SECRET_VARIABLE, "Client secret: ", person))
    if method == "certificate":
        if not settings.certificate:
            raise SettingsError(
                "Sign-in by certificate needs its file: `%livy login --method certificate --certificate FILE`."
            )
        path = Path(settings.certificate).expanduser()
        certificate = sign_in.Certificate(path, environ.get(PASSPHRASE_VARIABLE), settings.send_chain)
        return sign_in.ServicePrincipal(app, certificate=certificate)
    return sign_in.ServicePrincipal(app, assertion=sign_in.workload_assertion(environ))


def _secret(environ: Mapping[str, str], variable: str, prompt: str, person: Person | None) -> str:
    if environ.get(variable):
        return environ[variable]
    if person is None:
        raise SignInError(
            f"The secret is missing: put it into the environment variable {variable}, or run `%livy login --method secret`, which asks."
        )
    return person.ask(prompt)


def _sign_in_by_person(settings: Settings, person: Person | None, method: str = "") -> Credential:
    """Browser or device: shown to a person, else only what an earlier sign-in left."""
    from fabric_livy_magic.signin.entra import sign_in

    app, store = app_of(settings), store_of(settings)
    if person is None:
        if kept := kept_sign_in(settings):
            return kept
        raise SignInError("Not signed in, and nobody is there to be asked. Run `%livy login` first.")
    if method == "device" or (not method and not person.has_browser):
        asking: DeviceCodeSignIn | BrowserSignIn = sign_in.DeviceCodeSignIn(app, store, person.show)
    else:
        person.say(
            "A browser opens for the sign-in. Interrupt the cell to give up, or use `%livy login --method device`."
        )
        asking = sign_in.BrowserSignIn(app, store, person.open_browser)
    asking.sign_in()  # always asks: who is remembered may not be who is meant
    return asking


def kept_sign_in(settings: Settings) -> Credential | None:
    """The sign-in of an earlier `%livy login`, if it was kept."""
    from fabric_livy_magic.signin.entra import sign_in

    store = store_of(settings)
    return sign_in.BrowserSignIn(app_of(settings), store, interactive=False) if store.accounts() else None


def app_of(settings: Settings) -> App:
    from fabric_livy_magic.signin.entra.sign_in import App

    return App(
        client_id=settings.client_id or AZURE_CLI_CLIENT_ID,
        tenant=settings.tenant or "organizations",
        authority_host=settings.authority_host.rstrip("/"),
        verify=settings.ca_file or True,
        fabric_resource=_resource(settings),
    )


def _resource(settings: Settings) -> str:
    """The token's resource is the API's own host, in every cloud; the public one where the API is on this machine."""
    parts = urlsplit(settings.api_url)
    return FABRIC_RESOURCE if parts.hostname in LOOPBACK else f"{parts.scheme}://{parts.netloc}"


_memory_stores: dict[str, TokenStore] = {}
NOT_KEPT = (
    "This machine has no keyring, so the sign-in lasts as long as this kernel. To keep it in a file that only you can "
    "read: `%livy config sign_in_cache plain`."
)


def store_of(settings: Settings) -> TokenStore:
    """Where sign-ins are kept. In memory, one for each authority in this process; also where there is no keyring."""
    from fabric_livy_magic.signin.entra.sign_in import TokenStore

    if settings.sign_in_cache != "memory":
        try:
            return TokenStore.persistent(CACHE_NAME, allow_plain=settings.sign_in_cache == "plain")
        except SignInError:
            pass  # no keyring; `is_kept` tells, so that `login` can say it
    return _memory_stores.setdefault(settings.authority_host, TokenStore.memory())


def is_kept(settings: Settings) -> bool:
    """Whether a sign-in outlives this process as the settings ask for it."""
    return settings.sign_in_cache == "memory" or store_of(settings) not in _memory_stores.values()


def has_browser(environ: Mapping[str, str] | None = None) -> bool:
    """Whether a browser on this machine can reach this process: not over SSH, not in a hosted notebook."""
    environ = os.environ if environ is None else environ
    if any(
        name in environ
        for name in ("SSH_CONNECTION", "SSH_TTY", "JUPYTERHUB_USER", "CODESPACES", "KUBERNETES_SERVICE_HOST")
    ):
        return False
    return sys.platform in {"darwin", "win32"} or "DISPLAY" in environ or "WAYLAND_DISPLAY" in environ
