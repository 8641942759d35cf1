"""What a notebook chose (settings, target), who it signed in as, and what that account can look up."""

from __future__ import annotations

import copy
import fnmatch
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fabric_livy_magic import settings as _settings
from fabric_livy_magic import settings_files as _files
from fabric_livy_magic.errors import SettingsError, SignInError, without_calls
from fabric_livy_magic.fabric.api import FabricApi
from fabric_livy_magic.fabric.onelake import OneLake
from fabric_livy_magic.fabric.targets import ids_in_url, split_target
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.sessions.connections import Connections
from fabric_livy_magic.settings import Settings, Target, read_target
from fabric_livy_magic.signin.identity import Identity
from fabric_livy_magic.signin.methods import NOT_SAVED, UserPrompts, is_saved
from fabric_livy_magic.signin.tokens import Credential, RequestsAuth


class Account:
    """Of one notebook: settings, target, sign-in, and look-ups by them. `folder` is where the notebook lies."""

    def __init__(
        self,
        arguments: Mapping[str, Any] | None = None,
        credential: Credential | RequestsAuth | None = None,
        folder: Path | None = None,
    ) -> None:
        self._folder = folder
        self._connections = Connections(credential)
        self._arguments = dict(arguments or {})
        self._chosen: dict[str, Any] = {}
        self._profile = ""
        self._gave_notice = False
        self._ignored_notice = ""
        self._target_before: str | None = None
        self._files: _settings.Files | None = None

    # ------------------------------------------------------------------------------------------- choices
    @property
    def settings(self) -> Settings:
        files = self._read_files()
        return without_calls(
            lambda: _settings.resolve(self._arguments, self._chosen, files=files, profile=self._profile)
        )

    def _read_files(self) -> _settings.Files:
        if self._files is None:
            self._files = _files.read_files(self._folder)
        return self._files

    def read_files_anew(self) -> None:
        self._files = None

    @property
    def folder(self) -> Path:
        return self._folder or Path.cwd()

    def ignored_notice(self) -> str:
        """What a settings file chose in vain, once; empty where there is nothing, and until the file changes."""
        notice = _files.ignored_notice(self._read_files())
        is_new, self._ignored_notice = notice != self._ignored_notice, notice
        return notice if is_new else ""

    def ignored(self) -> tuple[_settings.Ignored, ...]:
        return self._read_files().ignored

    def choose(self, name: str, value: Any) -> Settings:
        """Sets a setting for this notebook. Raises SettingsError and changes nothing where it does not fit."""
        checked = _settings.read_value(name, value, "notebook")
        if name == "target":
            read_target(checked)
        self._chosen[name] = checked
        return self.settings

    def use(self, text: str) -> Target:
        """Chooses where the next session runs: a target, or a profile with all that it sets. Sessions that run stay."""
        self.read_files_anew()  # a profile that was just written should be found
        if text in self._read_files().profiles:
            self._profile = text
            self._chosen.pop("target", None)
            return self.target
        target = read_target(text)
        self._target_before = self._chosen.get("target")
        self._chosen["target"] = target.text
        return target

    @property
    def target(self) -> Target:
        return read_target(self.settings.target)

    # ------------------------------------------------------------------------------------------- sign-in
    def login(self, prompts: UserPrompts, **choices: Any) -> Identity:
        """Signs in and keeps the choices for this notebook. Raises SignInError; nothing is kept then."""
        before = dict(self._chosen)
        try:
            for name, value in choices.items():
                self.choose(name, value)
            return self._connections.login(self.settings, prompts)
        except BaseException:
            self._chosen = before
            raise

    def login_notice(self) -> str:
        """What to say of where the sign-in is kept; empty where it is kept as usual, and after it was said once."""
        if self._gave_notice or self.settings.method not in {"auto", "browser", "device"} or is_saved(self.settings):
            return ""
        self._gave_notice = True
        return NOT_SAVED

    def whoami(self) -> Identity:
        """Whom the target's server will see; without a target, Fabric's API."""
        settings = self.settings
        url = self.target.url if settings.target else ""
        return self._connections.whoami(settings, url or settings.api_url)

    def logout(self) -> None:
        self._connections.logout(self.settings)

    def next_step(self) -> str:
        """What to do after a target was chosen: sign in first, where that is missing."""
        if not self.target.is_embedded and self.target.is_fabric_api:
            try:
                self.whoami()
                self.client()  # finds a wrong name now, not with the first cell
            except SignInError as error:
                return str(error)
            except SettingsError:
                self._restore_target(self._target_before)
                raise
        return "The first cell starts a session; `%livy start` does it now."

    def _restore_target(self, target: str | None) -> None:
        self._chosen.pop("target", None)
        if target is not None:
            self._chosen["target"] = target

    # ------------------------------------------------------------------------------------------- look-ups
    def while_typing(self) -> Account:
        """The same, for completion: see `Connections.without_sign_in`."""
        other = copy.copy(self)
        other._connections = self._connections.without_sign_in()
        return other

    def profiles(self) -> list[str]:
        return sorted(self._read_files().profiles)

    def api(self) -> FabricApi:
        """The Fabric API that the target belongs to."""
        if self.settings.target and not self.target.path:
            return self._connections.api_of(self.client(), self.settings)
        return self._connections.api(self.settings)

    def workspace(self, name: str | None = None) -> tuple[FabricApi, str]:
        """The API, and the id of the named workspace or of the target's."""
        api = self.api()
        return api, api.find_workspace(name).id if name else ids_in_url(self.client().http.base_url)[0]

    def environment_id(self, name: str) -> str:
        self._check_is_fabric("Environments are", "`--conf spark.jars.packages=…` brings libraries")
        api, workspace_id = self.workspace()
        return api.find_environment(workspace_id, name).id

    def environment_name(self, details: str) -> str:
        """Of the environment that the conf `spark.fabric.environmentDetails` names. Raises SettingsError for a broken one."""
        try:
            environment_id = str(json.loads(details)["id"])
        except (ValueError, KeyError, TypeError) as error:
            raise SettingsError(f"spark.fabric.environmentDetails is JSON with an id, not {details!r}.") from error
        api, workspace_id = self.workspace()
        return api.find_environment(workspace_id, environment_id).name

    def _check_is_fabric(self, what: str, instead: str) -> None:
        if not self.target.is_fabric_api:
            raise SettingsError(f"{what} Fabric's, and {self.target.text} is an Apache Livy server. {instead}.")

    def tables(self, pattern: str | None = None, lakehouse_id: str = "") -> list[list[str]]:
        """Rows of (name, format, kind) of the target's lakehouse, or another of its workspace; `pattern` with * and ?, in any case, of the name with its
        schema or without."""
        self._check_is_fabric("Lakehouses are", "`SHOW TABLES` in a SQL cell lists the tables of its catalog")
        workspace_id, of_target = ids_in_url(self.client().http.base_url)
        found = self.api().tables(workspace_id, lakehouse_id or of_target)
        wanted = (pattern or "*").lower()
        names = [f"{one.schema}.{one.name}" if one.schema else one.name for one in found]
        return sorted(
            [name, one.format, one.kind]
            for name, one in zip(names, found, strict=True)
            if any(fnmatch.fnmatchcase(text.lower(), wanted) for text in (name, one.name))
        )

    def onelake(self, target: str = "", lakehouse_id: str = "", client: LivyClient | None = None) -> OneLake:
        """The files of the lakehouse that the target, or `client`, belongs to; of another one of its workspace; or of
        `workspace/lakehouse`, by names or ids."""
        if target and client is None and not self.settings.target:
            api = self._connections.api(self.settings)
            return self._onelake_of(api, target, self._connections.files_at(self.settings.api_url, self.settings))
        client = client or self.client()
        if client.dialect is not Dialect.FABRIC:
            raise SettingsError(
                f"{client.http.base_url} is a Livy server without OneLake, so it has no files to list or copy."
            )
        http = self._connections.files_of(client, self.settings)
        if target:
            return self._onelake_of(self.api(), target, http)
        workspace_id, of_client = ids_in_url(client.http.base_url)
        return OneLake(http, workspace_id, lakehouse_id or of_client)

    def _onelake_of(self, api: FabricApi, target: str, http: LivyHttp) -> OneLake:
        workspace_name, name = split_target(target)
        workspace_id = api.find_workspace(workspace_name).id
        return OneLake(http, workspace_id, api.find_lakehouse(workspace_id, name).id)

    def client(self, target: Target | None = None) -> LivyClient:
        """A client of the target; starts the embedded Fabric if that is the target and it does not run yet."""
        return self._connections.client(target or self.target, self.settings)

    def owns_server_of(self, client: LivyClient) -> bool:
        """Whether an embedded Fabric of this notebook runs behind the client: its sessions end with it."""
        return self._connections.owns_server_of(client)

    def close(self) -> None:
        """Ends the embedded Fabrics of this notebook, and with them their sessions."""
        self._connections.close()

    def is_local(self, target: Target | None = None) -> bool:
        """Whether sessions run on an embedded Fabric of this machine."""
        return self._connections.is_local(self.client(target))
