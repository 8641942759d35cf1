"""`%livy …`, `%%livy_sql …`: subcommands, options, and the names that they take."""

from __future__ import annotations

import contextvars
import re
import threading
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from fabric_livy_magic.cells.batch_options import VERBS, batch_cell_parser, verb_parser
from fabric_livy_magic.cells.batch_script import is_notebook
from fabric_livy_magic.cells.cell import KINDS, cell_parser
from fabric_livy_magic.cells.file_options import VERBS as FILE_VERBS
from fabric_livy_magic.cells.file_options import file_parser
from fabric_livy_magic.cells.kernel_cells import LINE_MAGICS_IN_SESSION, MAGIC_ALIASES
from fabric_livy_magic.cells.magic_parser import MagicParser
from fabric_livy_magic.cells.subcommands import SUMMARIES, help_of, overview, parser_of
from fabric_livy_magic.completion.completions import MOST_MATCHES, Completions, matching
from fabric_livy_magic.errors import FabricLivyError
from fabric_livy_magic.sessions.account import Account
from fabric_livy_magic.sessions.lakehouse_files import LakehouseFiles
from fabric_livy_magic.sessions.runner import Runner
from fabric_livy_magic.sessions.runs import Runs
from fabric_livy_magic.settings import setting_choices, setting_names

LOOKUP_TIMEOUT_S = 1.2
FOLDERS_KEPT_S = 15.0  # what is in one changes with the cells
AREAS = ("Files/", "Tables/")
_MAGIC = re.compile(r"\s*(%%?)(\w*)(\s+)?")
CELL_MAGICS = [f"livy_{kind}" for kind in KINDS] + ["livy_configure", "livy_batch"]
MOST_FILES = 200


def complete_magic_line(runner: Runner, line: str, *, is_kernel: bool) -> Completions | None:
    """None where the magic is none of ours: IPython completes its own."""
    found = _MAGIC.match(line)
    if found is None:
        return None
    marks, name, space = found[1], found[2], found[3]
    if space is None:
        return _magic_names(line, marks + name, is_kernel) if name else None
    name = MAGIC_ALIASES.get(name, name) if is_kernel else name
    if name == "livy":
        return _subcommand(runner, line, line[found.end() :])
    if name == "livy_batch":
        return _options(runner, line, batch_cell_parser(), "")
    if name in CELL_MAGICS and name != "livy_configure":
        return _options(runner, line, cell_parser(name.removeprefix("livy_")), "")
    return None


def help_of_line(line: str, *, is_kernel: bool) -> str | None:
    """The help of the line's magic; None where it is none of ours."""
    words = line.strip().lstrip("%").split()
    name = MAGIC_ALIASES.get(words[0], words[0]) if words and is_kernel else "".join(words[:1])
    if name == "livy":
        return help_of(words[1]) if len(words) > 1 and words[1] in SUMMARIES else overview()
    kind = name.removeprefix("livy_")
    return cell_parser(kind).format_help() if name != kind and kind in KINDS else None


def _magic_names(line: str, typed: str, is_kernel: bool) -> Completions | None:
    cells = [*CELL_MAGICS, *(["local", "configure", *MAGIC_ALIASES] if is_kernel else [])]
    lines = ["livy", *(sorted(LINE_MAGICS_IN_SESSION) if is_kernel else [])]
    names = [f"%%{name}" for name in cells] if typed.startswith("%%") else [f"%{name}" for name in [*lines, *cells[:4]]]
    found = matching(line, typed, [(name, "magic") for name in names])
    return found if found.matches else None


def _subcommand(runner: Runner, line: str, rest: str) -> Completions:
    words = rest.split()
    is_new_word = not rest or rest[-1].isspace()
    if not words or (len(words) == 1 and not is_new_word):
        return matching(line, words[0] if words else "", [(name, "magic") for name in SUMMARIES])
    command = words[0]
    if command not in SUMMARIES:
        return Completions(len(line), ())
    if command == "use":
        typed = rest.split(None, 1)[1] if len(words) > 1 else ""
        return matching(line, typed.lstrip("\"'"), _targets(runner, typed))
    if command == "config" and (len(words) == 3 or (len(words) == 2 and is_new_word)):
        typed = "" if is_new_word else words[-1]
        return matching(line, typed, [(choice, "instance") for choice in setting_choices(words[1])])
    if command == "batch":
        verb = words[1] if len(words) > 1 else ""
        if not verb or (len(words) == 2 and not is_new_word):
            return matching(line, verb, [(name, "magic") for name in VERBS])
        return (
            _options(runner, line, verb_parser(verb), f"batch {verb}") if verb in VERBS else Completions(len(line), ())
        )
    if command == "files":
        return _lakehouse_files(runner, line, words[1:], is_new_word=is_new_word)
    return _options(runner, line, parser_of(command), command)


def _lakehouse_files(runner: Runner, line: str, words: list[str], *, is_new_word: bool) -> Completions:
    """A subcommand of `%livy files`, its options, and what is in the folder that is typed."""
    if not words or (len(words) == 1 and not is_new_word):
        return matching(line, "".join(words), [(verb, "magic") for verb in FILE_VERBS])
    typed = "" if is_new_word else words[-1]
    if words[0] not in FILE_VERBS or typed.startswith("-"):
        options = file_parser(words[0]).option_words() if words[0] in FILE_VERBS else []
        return matching(line, typed, [(word, "magic") for word in options])
    folder = typed.rpartition("/")[0]
    if not f"{folder}/".startswith(AREAS):
        local = _files(typed) if words[0] == "cp" else []
        return matching(line, typed, [(path, "instance") for path in [*AREAS, *local]])

    def entries(account: Account) -> list[str]:
        found = LakehouseFiles(account, runner.sessions.lakehouse_id()).list(folder, most=MOST_MATCHES)
        return [f"{one.path}/" if one.is_folder else one.path for one in found if not re.search(r"[\s'\"]", one.path)]

    key = ("files", folder, str(int(time.monotonic() // FOLDERS_KEPT_S)))
    return matching(line, typed, [(path, "instance") for path in _looked_up(runner, key, entries)])


def _options(runner: Runner, line: str, parser: MagicParser, command: str) -> Completions:
    words = line.split()
    typed = "" if line[-1].isspace() else words[-1]
    before = words[-1] if not typed else words[-2] if len(words) > 1 else ""
    if typed.startswith("-"):
        return matching(line, typed, [(word, "magic") for word in parser.option_words()])
    if before.startswith("-") and parser.takes_value(before):
        names = _session_names(runner) if before in {"-s", "--session"} else []
        names = _files(typed) if before in {"--jar", "--py-files"} else names
        return matching(line, typed, [(name, "instance") for name in names])
    return matching(line, typed, [(name, "instance") for name in _argument_values(runner, command, typed)])


def _session_names(runner: Runner) -> list[str]:
    return sorted(runner.sessions)


def _files(typed: str) -> list[str]:
    """Of this machine, that begin with what was typed; those with a blank would be two words of the line."""
    folder = typed.rpartition("/")[0]
    place = Path(f"{folder}/" if folder or typed.startswith("/") else ".").expanduser()
    try:
        found = sorted(islice(place.iterdir(), MOST_FILES))
    except OSError:
        return []
    before = f"{folder}/" if "/" in typed else ""
    names = [f"{before}{one.name}{'/' if one.is_dir() and not is_notebook(one) else ''}" for one in found]
    return [name for name in names if not re.search(r"[\s'\"]", name)]


def _argument_values(runner: Runner, command: str, typed: str) -> list[str]:
    """The values that a subcommand's argument may have."""
    if command in {"batch submit", "upload"}:
        return _files(typed)
    if command.startswith("batch ") and command != "batch list":
        return _looked_up(runner, ("batches",), lambda account: [one.id for one in account.client().list_batches()])
    if command in {"switch", "stop", "logs", "spark"}:
        return _session_names(runner)
    if command == "runs":
        return _looked_up(runner, ("runs",), lambda account: [one.id for one in Runs(account, account.target).list()])
    if command == "help":
        return list(SUMMARIES)
    if command == "config":
        return setting_names()
    if command in {"lakehouses", "environments"}:
        return _workspaces(runner)
    if command == "attach":
        return _looked_up(runner, ("sessions",), lambda account: [one.id for one in account.client().list_sessions()])
    if command in {"schema", "explore"}:
        lakehouse_id = runner.sessions.lakehouse_id()
        return _looked_up(
            runner,
            ("tables", lakehouse_id),
            lambda account: [row[0] for row in account.tables(lakehouse_id=lakehouse_id)],
        )
    return []


def _workspaces(runner: Runner) -> list[str]:
    return _looked_up(runner, ("workspaces",), lambda account: [one.name for one in account.api().workspaces()])


def _targets(runner: Runner, typed: str) -> list[tuple[str, str]]:
    """`local`, profiles, workspaces; after `workspace/` its lakehouses."""
    workspace, slash, _ = typed.strip("\"'").partition("/")
    if slash and "://" not in typed:

        def lakehouses(account: Account) -> list[str]:
            api, workspace_id = account.workspace(workspace)
            return [f"{workspace}/{one.name}" for one in api.lakehouses(workspace_id)]

        return [(name, "instance") for name in _looked_up(runner, ("lakehouses", workspace), lakehouses)]
    workspaces = [f"{name}/" for name in _workspaces(runner)]
    return [(name, "instance") for name in ["local", *runner.account.profiles(), *workspaces]]


def _looked_up(runner: Runner, key: tuple[str, ...], fetch: Callable[[Account], list[str]]) -> list[str]:
    """What the server lists, requested once for this notebook; empty if it takes too long, or where no cell has signed in."""
    cached: dict[tuple[str, ...], list[str]] = runner.looked_up
    if key not in cached:

        def look() -> None:
            try:
                cached[key] = fetch(runner.account.while_typing())
            except FabricLivyError:
                return  # a completion shows no error; the command itself will

        context = contextvars.copy_context()  # what it loads does not come from the working folder either
        thread = threading.Thread(target=context.run, args=(look,), daemon=True)
        thread.start()
        thread.join(LOOKUP_TIMEOUT_S)
    return cached.get(key, [])
