"""Which sign-in method applies. A new method is a branch of `credential_by_method`, and a name in `settings.METHODS`."""

from __future__ import annotations

import getpass
import os
import sys
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fabric_livy_magic.clouds import cloud_of
from fabric_livy_magic.errors import NotSignedIn, SettingsError, SignInError
from fabric_livy_magic.settings import AZURE_CLI_CLIENT_ID, METHODS, Settings, did_you_mean
from fabric_livy_magic.signin.entra.certificates import PASSPHRASE_VARIABLE
from fabric_livy_magic.signin.external_credentials import (
    TOKEN_VARIABLE,
    AzureCli,
    FabricNotebook,
    StaticToken,
    TokenCredential,
    is_inside_fabric,
    program,
)
from fabric_livy_magic.signin.tokens import Credential, token_of

if TYPE_CHECKING:
    from fabric_livy_magic.signin.entra.sign_in import App, BrowserSignIn, DeviceCodeSignIn, DevicePrompt, TokenStore

CACHE_NAME = "fabric-livy-magic"
SECRET_VARIABLE = "AZURE_CLIENT_SECRET"  # noqa: S105 - the name of a variable


@dataclass(frozen=True)
class UserPrompts:
    """How a sign-in prompts the user. Where it is None nothing is prompted: a job must fail, not wait."""

    show_device_prompt: Callable[[DevicePrompt], None]
    ask_secret: Callable[[str], str] = getpass.getpass
    open_browser: Callable[[str], bool] = webbrowser.open
    print_line: Callable[[str], None] = lambda text: None
    has_browser: bool = True


# ---------------------------------------------------------------------------------------------- which sign-in applies
def credential_for(settings: Settings, environ: Mapping[str, str] | None = None) -> Credential:
    """The credential without a prompt.

    `auto` takes the first that is available: token → environment → Fabric notebook → saved sign-in → Azure CLI.
    """
    environ = os.environ if environ is None else environ
    if settings.method == "auto":
        return _first_available(settings, environ)
    return credential_by_method(settings, environ, prompts=None)


def _first_available(settings: Settings, environ: Mapping[str, str]) -> Credential:
    if environ.get(TOKEN_VARIABLE):
        return credential_by_method(settings, environ, prompts=None, method="token")
    if settings.client_id and settings.tenant:
        for method, is_set in (
            ("secret", SECRET_VARIABLE in environ),
            ("certificate", bool(settings.certificate)),
            ("workload-identity", "AZURE_FEDERATED_TOKEN_FILE" in environ),
        ):
            if is_set:
                return credential_by_method(settings, environ, prompts=None, method=method)
    if "IDENTITY_ENDPOINT" in environ or "MSI_ENDPOINT" in environ:
        return credential_by_method(settings, environ, prompts=None, method="managed-identity")
    if is_inside_fabric(environ):
        return FabricNotebook()
    if saved := saved_sign_in(settings):
        return saved
    if program("az", environ.get("PATH")):
        return credential_by_method(settings, environ, prompts=None, method="cli")
    raise NotSignedIn("Not signed in. Run `%livy login`, or see `%livy login --help` for the ways to sign in.")


def _first_available_or_prompt(
    settings: Settings, environ: Mapping[str, str], prompts: UserPrompts | None
) -> Credential:
    """The first sign-in that is available, else browser or device code. An `az` without a login does not count."""
    try:
        credential = _first_available(settings, environ)
    except NotSignedIn:
        return _sign_in_by_user(settings, prompts)
    if isinstance(credential, AzureCli):
        try:
            token_of(credential)
        except SignInError:
            return _sign_in_by_user(settings, prompts)
    return credential


def credential_by_method(
    settings: Settings, environ: Mapping[str, str], prompts: UserPrompts | None, method: str | None = None
) -> Credential:
    """The credential of one method. Raises SettingsError for what is missing or unknown, SignInError where it fails."""
    method = method or settings.method
    resource = _fabric_resource(settings)
    if method == "auto":
        return _first_available_or_prompt(settings, environ, prompts)
    if method == "token":
        if not environ.get(TOKEN_VARIABLE):
            raise SignInError(f"There is no token: put one into the environment variable {TOKEN_VARIABLE}.")
        return StaticToken(environ[TOKEN_VARIABLE])
    if method == "cli":
        return AzureCli(settings.tenant, resource)
    if method == "notebook":
        return FabricNotebook()
    if method in {"browser", "device"}:
        return _sign_in_by_user(settings, prompts, method)
    if method in METHODS:
        return _application_credential(settings, environ, prompts, method)
    if "." in method or ":" in method:
        # Typed in a cell or a call, it may name a module beside the notebook; a file or the environment is for every folder.
        is_typed = settings.origins.get("method") in {"notebook", "argument"}
        return TokenCredential.from_path(method, resource, from_working_folder=is_typed)
    raise SettingsError(
        f"There is no sign-in method {method!r}.{did_you_mean(method, list(METHODS))} Methods: {', '.join(METHODS)}."
    )


def _application_credential(
    settings: Settings, environ: Mapping[str, str], prompts: UserPrompts | None, method: str
) -> Credential:
    from fabric_livy_magic.signin.entra import sign_in

    if method == "managed-identity":
        return sign_in.ManagedIdentity(client_id=settings.client_id or None, fabric_resource=_fabric_resource(settings))
    for name in ("tenant", "client_id"):
        if not getattr(settings, name):
            raise SettingsError(
                f"Sign-in by {method} needs {name}: `%livy login --method {method} --{name.replace('_', '-')} …`, or AZURE_{name.upper()}{'_ID' if name == 'tenant' else ''}."
            )
    app = app_registration(settings)
    if method == "secret":
        return sign_in.ServicePrincipal(
            app, secret=_secret_or_prompt(environ, SECRET_VARIABLE, "Client secret: ", prompts)
        )
    if method == "certificate":
        if not settings.certificate:
            raise SettingsError(
                "Sign-in by certificate needs its file: `%livy login --method certificate --certificate FILE`."
            )
        path = Path(settings.certificate).expanduser()
        certificate = sign_in.Certificate(path, environ.get(PASSPHRASE_VARIABLE), settings.send_chain)
        return sign_in.ServicePrincipal(app, certificate=certificate)
    return sign_in.ServicePrincipal(app, assertion=sign_in.workload_assertion(environ))


def _secret_or_prompt(environ: Mapping[str, str], variable: str, prompt: str, prompts: UserPrompts | None) -> str:
    if environ.get(variable):
        return environ[variable]
    if prompts is None:
        raise SignInError(
            f"The secret is missing: put it into the environment variable {variable}, or run `%livy login --method secret`, which asks."
        )
    return prompts.ask_secret(prompt)


def _sign_in_by_user(settings: Settings, prompts: UserPrompts | None, method: str = "") -> Credential:
    """Browser or device code; without `prompts` only a saved sign-in."""
    from fabric_livy_magic.signin.entra import sign_in

    app, store = app_registration(settings), open_token_store(settings)
    if prompts is None:
        if saved := saved_sign_in(settings):
            return saved
        raise SignInError("Not signed in, and nobody is there to be asked. Run `%livy login` first.")
    if method == "device" or (not method and not prompts.has_browser):
        sign_in_flow: DeviceCodeSignIn | BrowserSignIn = sign_in.DeviceCodeSignIn(
            app, store, prompts.show_device_prompt
        )
    else:
        prompts.print_line(
            "A browser opens for the sign-in. Interrupt the cell to give up, or use `%livy login --method device`."
        )
        sign_in_flow = sign_in.BrowserSignIn(app, store, prompts.open_browser)
    sign_in_flow.sign_in()  # always prompts: the user may want another account than the saved one
    return sign_in_flow


def saved_sign_in(settings: Settings) -> Credential | None:
    """The sign-in of an earlier `%livy login`, if it was saved."""
    from fabric_livy_magic.signin.entra import sign_in

    store = open_token_store(settings)
    return sign_in.BrowserSignIn(app_registration(settings), store, interactive=False) if store.accounts() else None


def app_registration(settings: Settings) -> App:
    from fabric_livy_magic.signin.entra.sign_in import App

    return App(
        client_id=settings.client_id or AZURE_CLI_CLIENT_ID,
        tenant=settings.tenant or "organizations",
        authority_host=settings.authority_host.rstrip("/"),
        verify=settings.ca_file or True,
        fabric_resource=_fabric_resource(settings),
    )


def _fabric_resource(settings: Settings) -> str:
    """The resource to request a token for. From the list of clouds, not the address of an API: a token for whatever an address
    says would open that service, too."""
    return cloud_of(settings.api_url, settings.authority_host).resource


_memory_stores: dict[str, TokenStore] = {}
NOT_SAVED = (
    "This machine has no keyring, so the sign-in lasts as long as this kernel. To keep it in a file that only you can "
    "read: `%livy config sign_in_cache plain`."
)


def open_token_store(settings: Settings) -> TokenStore:
    """Where sign-ins are saved. Without a keyring in memory: one store for each authority in this process."""
    from fabric_livy_magic.signin.entra.sign_in import TokenStore

    if settings.sign_in_cache != "memory":
        try:
            return TokenStore.persistent(CACHE_NAME, allow_plain=settings.sign_in_cache == "plain")
        except SignInError:
            pass  # no keyring; `is_saved` is False then, so that `login` can report it
    return _memory_stores.setdefault(settings.authority_host, TokenStore.memory())


def is_saved(settings: Settings) -> bool:
    """Whether a sign-in is saved as the settings say."""
    return settings.sign_in_cache == "memory" or open_token_store(settings) not in _memory_stores.values()


def has_browser(environ: Mapping[str, str] | None = None) -> bool:
    """Whether a browser on this machine can reach this process: not over SSH, not in a hosted notebook."""
    environ = os.environ if environ is None else environ
    if any(
        name in environ
        for name in ("SSH_CONNECTION", "SSH_TTY", "JUPYTERHUB_USER", "CODESPACES", "KUBERNETES_SERVICE_HOST")
    ):
        return False
    return sys.platform in {"darwin", "win32"} or "DISPLAY" in environ or "WAYLAND_DISPLAY" in environ
