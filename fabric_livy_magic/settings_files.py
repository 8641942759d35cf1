"""The settings files: the user's config.toml, which chooses anything, and the project's pyproject.toml, which does not."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabric_livy_magic import trust
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.own_folders import own_folder, platform_folder
from fabric_livy_magic.settings import (
    ENVIRONMENT_PREFIX,
    LOCAL,
    Files,
    Ignored,
    did_you_mean,
    read_value,
    setting_names,
)

PROJECT_FILE = "pyproject.toml"
NEEDS_TRUST = (
    "who signs in, hosts, certificates, code and secrets are yours to choose. `%livy trust`, or `fabric-livy trust` in a "
    "terminal, shows what the file chooses and lets it."
)
NO_SETTING = "there is no such setting. `%livy config` lists them all."
NAME_IS_A_TARGET = "a profile's name is not `local` and has no slash: it would hide a target."
OWN_PROFILE = "a profile of your own settings file has that name."


def user_file() -> Path:
    return platform_folder("config") / "config.toml"


def read_files(folder: Path | None = None) -> Files:
    """The user file, and the project's of the notebook in `folder` as far as it counts. Raises SettingsError for a file that
    cannot be parsed."""
    try:
        return _read_files(folder)
    except OSError as error:  # such as a folder that is gone or may not be looked into
        raise SettingsError(f"The settings files could not be looked for: {error}") from error


def _read_files(folder: Path | None) -> Files:
    layers: list[tuple[str, Mapping[str, Any]]] = []
    profiles: dict[str, tuple[str, Mapping[str, Any]]] = {}
    ignored: list[Ignored] = []
    own = _bytes_of(user_file())
    files = [] if own is None else [(user_file(), _parsed(user_file(), own))]
    if project := project_choices(folder or Path.cwd()):
        ignored += project.ignored
        files.append((project.path, project.that_count))
    for path, table in files:
        choices = dict(table)
        for name, values in _tables(choices.pop("profiles", {}), f"profiles in {path}").items():
            if why := _reason_against_profile(name, profiles):
                ignored.append(Ignored(str(path), _flat({"profiles": {name: values}}), why))
            else:
                profiles[name] = (f"profile {name} in {path}", _checked_table(values, f"profile {name} in {path}"))
        layers.append((str(path), _checked_table(choices, str(path))))
    return Files(tuple(layers), profiles, tuple(ignored))


def _reason_against_profile(name: str, known: Mapping[str, Any]) -> str:
    if name.strip().lower() == LOCAL or "/" in name:
        return NAME_IS_A_TARGET
    return OWN_PROFILE if name in known else ""


def ignored_notice(files: Files) -> str:
    """What the user has to hear of what a file chose in vain; empty where there is nothing."""
    return "\n".join(
        f"{ignored.path} chooses what does not count ({', '.join(map(shown_name, ignored.choices))}): {ignored.why}"
        for ignored in files.ignored
    )


def shown_choices(choices: Mapping[str, Any]) -> list[str]:
    """Lines `name = value`; whatever a file of somebody else's has in it, they hold no control or direction character."""
    return [f"{shown_name(name)} = {json.dumps(value, default=str)}" for name, value in choices.items()]


def shown_name(name: str) -> str:
    return name if name.isascii() and name.isprintable() else json.dumps(name)


def _flat(table: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested tables as `profiles.NAME.setting`."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        found |= _flat(value, f"{before}{name}.") if isinstance(value, Mapping) else {f"{before}{name}": value}
    return found or ({before.rstrip("."): {}} if before else {})


# ------------------------------------------------------------------------------------------------ the project's file
@dataclass(frozen=True)
class ProjectChoices:
    """`[tool.fabric-livy]` of a project's file, from the bytes `content`."""

    path: Path
    content: bytes
    table: Mapping[str, Any]

    @property
    def is_trusted(self) -> bool:
        return trust.is_trusted(self.path, self.content)

    @property
    def that_need_trust(self) -> Mapping[str, Any]:
        return _flat({name: value for name, value in self.table.items() if not self._is_harmless(name)})

    @property
    def that_count(self) -> Mapping[str, Any]:
        is_trusted = self.is_trusted
        return {name: value for name, value in self.table.items() if is_trusted or self._is_harmless(name)}

    @property
    def ignored(self) -> list[Ignored]:
        """A name that is no setting is told apart, as trust would not help it."""
        if self.is_trusted:
            return []
        known = {"profiles", *setting_names()}
        found = []
        for is_known, why in ((True, NEEDS_TRUST), (False, NO_SETTING)):
            choices = {
                name: value
                for name, value in self.table.items()
                if not self._is_harmless(name) and (_plain(name) in known) is is_known
            }
            found += [Ignored(str(self.path), _flat(choices), why)] if choices else []
        return found

    def _is_harmless(self, name: str) -> bool:
        return trust.is_harmless(_plain(name), self.table[name])


def project_file(folder: Path) -> Path | None:
    """The nearest pyproject.toml from the notebook's folder up to that of its repository; without a repository only that in the
    folder itself. What lies above belongs to nobody that the notebook is about: `/tmp`, a shared home, a parent checkout."""
    folder = folder.absolute()
    root = next((parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), folder)
    for parent in (folder, *folder.parents):
        if (parent / PROJECT_FILE).is_file():
            return parent / PROJECT_FILE
        if parent == root:
            return None
    return None


def project_choices(folder: Path) -> ProjectChoices | None:
    """None where the project has no file, or one without our table."""
    path = project_file(folder)
    return None if path is None else choices_of(path)


def choices_of(path: Path) -> ProjectChoices | None:
    """Raises SettingsError where the file cannot be parsed."""
    if (content := _bytes_of(path)) is None:
        return None
    tool = _parsed(path, content).get("tool", {})
    table = tool.get("fabric-livy") if isinstance(tool, Mapping) else None
    return ProjectChoices(path, content, table) if isinstance(table, Mapping) else None


def decide_trust(path: Path, agrees: Callable[[str], bool]) -> str:
    """Trusts the file where `agrees`, which gets all that it would choose, says so. What came of it, as a sentence."""
    choices = choices_of(path)
    if choices is None or not choices.that_need_trust:
        return f"{path} chooses nothing that needs your trust."
    if choices.is_trusted:
        return f"{path} is trusted, as it is now. `%livy trust --forget` takes that back."
    lines = [f"{path} would choose:", *(f"  {line}" for line in shown_choices(choices.that_need_trust))]
    if not agrees("\n".join(lines)):
        return "It is not trusted: these choices do not count."
    trust.trust(choices.path, choices.content)
    return f"{path} is trusted until it changes. `%livy trust --forget` takes that back."


def take_back_trust(path: Path) -> str:
    if trust.distrust(path):
        return f"{path} is no longer trusted. What was chosen from it before stays with the sessions that run."
    return f"{path} was not trusted."


# ------------------------------------------------------------------------------------------------ reading and writing
def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SettingsError(f"The settings file {path} could not be read: {error}") from error


def _parsed(path: Path, content: bytes) -> Mapping[str, Any]:
    try:
        return tomllib.loads(content.decode("utf-8-sig"))  # editors of Windows begin it with a mark
    except (ValueError, RecursionError) as error:
        merge = next((number for number, line in enumerate(content.split(b"\n"), 1) if line.startswith(b"<<<<<<< ")), 0)
        what = f"line {merge}: the marks of an unfinished merge" if merge else error
        raise SettingsError(f"The settings file {path} could not be read: {what}") from error


def _tables(value: Any, where: str) -> Mapping[str, Mapping[str, Any]]:
    if isinstance(value, Mapping) and all(isinstance(one, Mapping) for one in value.values()):
        return value
    raise SettingsError(f"{where}: each profile is a table, such as [profiles.test].")


def _checked_table(values: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    return {_plain(name): read_value(_plain(name), value, where) for name, value in values.items()}


def _plain(name: str) -> str:
    return name.replace("-", "_")


def remove_user_setting(name: str) -> None:
    """What stands there for it at the top of the user file. Raises SettingsError for a name that is no setting."""
    _write_user_setting(name, None)


def write_user_setting(name: str, text: str) -> None:
    """Sets one value at the top of the user file; the rest of the file stays as it is written."""
    _write_user_setting(name, text)


def _write_user_setting(name: str, text: str | None) -> None:
    name, path = _plain(name), user_file()
    value = read_value(name, text or "", "argument") if text is not None else None
    if text is None and name not in setting_names():
        raise SettingsError(f"There is no setting {name!r}.{did_you_mean(name, list(setting_names()))}")
    lines = path.read_text(encoding="utf-8-sig").splitlines() if path.exists() else []
    top = next((number for number, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    kept_lines = [line for line in lines[:top] if _plain(line.partition("=")[0].strip()) != name]
    # JSON's text, numbers and booleans are also TOML.
    kept_lines += [] if text is None else [f"{name} = {json.dumps(value, ensure_ascii=False)}"]
    content = "\n".join([*kept_lines, *lines[top:], ""])
    try:
        own_folder(path.parent)
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"The settings file {path} could not be written: {error}. {ENVIRONMENT_PREFIX}{name.upper()} in the environment "
            "chooses the same; XDG_CONFIG_HOME names another folder for the file."
        ) from error
