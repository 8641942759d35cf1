"""IPython's lines in a cell of the session: `%pip`, `%time`, `!command`. The client turns them into calls of `get_ipython()`.

That name is provided while a cell runs. IPython's own, where the session has IPython, would belong to no kernel.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shlex
import subprocess
import textwrap
import time
import timeit
from typing import Any, Callable

from . import cells, displays, introspection, packages, reloading
from .errors import Refused

WAIT_STEP_S = 0.2
SHELL_COMMANDS = ("ls", "cat", "cp", "mkdir", "mv", "rm", "rmdir")
VARIABLE = re.compile(r"\$\$|\{([^{}]+)\}|\$([A-Za-z_]\w*)")


class Events:
    """Libraries ask to be called after each cell; matplotlib, for one, whose figures are shown in any case."""

    def register(self, event: str, function: Any) -> None:
        pass

    def unregister(self, event: str, function: Any) -> None:
        pass


class DisplayPublisher:
    is_publishing = False

    def publish(self, data: Any, metadata: Any = None, *unused: Any, **options: Any) -> None:
        displays.publish_display_data(data, metadata, **options)

    def clear_output(self, wait: bool = False) -> None:
        displays.clear_output(wait)


class InteractiveShell:
    """What `get_ipython()` gives to a cell, in the place of IPython's own."""

    events = Events()
    display_pub = DisplayPublisher()

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.user_ns = self.user_global_ns = namespace
        self.config: dict[str, Any] = {}  # has no IPKernelApp: nobody finds a kernel here, to talk to its front end

    @property
    def execution_count(self) -> int:
        """PySpark 4 names the cell by it, in errors of columns."""
        return cells.CellState.number

    def enable_gui(self, gui: Any = None) -> None:
        """There is none."""

    def system(self, command: str) -> None:
        """`!command`: its output is the cell's. `!pip install …` by itself installs as `%pip` does."""
        command = expand_variables(command, self.user_ns)
        words = packages.shell_words(command)
        if words is not None:
            self.user_ns["_exit_code"] = packages.exit_code(words)
            return
        environ = packages.shell_environment(command)
        with subprocess.Popen(command, shell=True, env=environ) as process:  # noqa: S602 - the user's own
            code = wait_for_process(process)
        self.user_ns["_exit_code"] = code

    def getoutput(self, command: str, split: bool = True) -> Any:
        """`name = !command`: its lines."""
        done = subprocess.run(  # noqa: S602
            expand_variables(command, self.user_ns),
            shell=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        text = done.stdout.decode("utf-8", "replace")
        return text.splitlines() if split else text

    def run_line_magic(self, name: str, line: str, *ignored: Any) -> Any:
        if name not in LINE_MAGICS:
            raise Refused(
                f"%{name} cannot run here, in the Spark session. At the beginning of a line of its own, not inside a block, "
                "it runs in the notebook's own Python."
            )
        return LINE_MAGICS[name](self.user_ns, line)

    def run_cell_magic(self, name: str, line: str, cell: str) -> Any:
        if name not in CELL_MAGICS:
            raise Refused(f"%%{name} cannot run here, in the Spark session.")
        return CELL_MAGICS[name](self.user_ns, line, cell)


class Shells:
    current: InteractiveShell | None = None


def current_shell() -> InteractiveShell | None:
    """That of the cell that runs: `get_ipython()`."""
    return Shells.current


def wait_for_process(process: Any) -> int:
    """In steps, so that an interrupt of the cell does not wait for the command."""
    while True:
        try:
            code: int = process.wait(WAIT_STEP_S)
            return code
        except subprocess.TimeoutExpired:
            continue
        except BaseException:
            process.kill()
            raise


def expand_variables(command: str, namespace: dict[str, Any]) -> str:
    """`{expression}` and `$name` of the user's names, as in IPython; any other stays as it is, for the shell."""

    def value(match: Any) -> str:
        if match[0] == "$$":
            return "$"
        try:
            return str(eval(match[1], namespace) if match[1] else namespace[match[2]])  # noqa: S307 - the user's own
        except Exception:  # noqa: BLE001 - `{a,b}` and `$HOME` are for the shell
            return str(match[0])

    return VARIABLE.sub(value, command)


def time_line(namespace: dict[str, Any], line: str) -> Any:
    began, began_cpu = time.perf_counter(), time.process_time()
    try:
        return cells.execute(namespace, line, "<timed line>")
    finally:
        cpu_s, wall_s = time.process_time() - began_cpu, time.perf_counter() - began
        print(f"CPU time: {duration(cpu_s)}, wall time: {duration(wall_s)}")  # noqa: T201


def timeit_cell(namespace: dict[str, Any], line: str, cell: str) -> None:
    options, code = {"-n": 0, "-r": 5}, line
    while option := re.match(r"\s*(-[nr])\s*(\d+)\s*", code):
        options[option[1]], code = int(option[2]), code[option.end() :]
    timer = timeit.Timer(cell or code, setup=code if cell else "pass", globals=namespace)
    loops = options["-n"] or timer.autorange()[0]
    seconds = [one / loops for one in timer.repeat(options["-r"], loops)]
    print(f"{duration(min(seconds))} per loop (best of {len(seconds)} runs, {loops} loops each)")  # noqa: T201


def duration(seconds: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def environment(namespace: dict[str, Any], line: str) -> Any:
    """`%env`, `%env NAME`, `%env NAME=VALUE`."""
    name, is_set, value = line.partition("=") if "=" in line else line.strip().partition(" ")
    if not name.strip():
        return dict(os.environ)
    if not is_set:
        return os.environ.get(name.strip())
    os.environ[name.strip()] = expand_variables(value.strip(), namespace)
    return None


def change_folder(namespace: dict[str, Any], line: str) -> None:
    os.chdir(os.path.expanduser(line.strip() or "~"))  # noqa: PTH111
    print(os.getcwd())  # noqa: T201, PTH109


def who(namespace: dict[str, Any], line: str) -> None:
    print("  ".join(introspection.user_names(namespace)) or "No names yet.")  # noqa: T201


def whos(namespace: dict[str, Any], line: str) -> None:
    for name in introspection.user_names(namespace):
        value = namespace[name]
        print(f"{name:<20} {type(value).__name__:<16} {textwrap.shorten(repr(value), 60)}")  # noqa: T201


def print_description(namespace: dict[str, Any], line: str, detail: int = 0) -> None:
    description = introspection.inspect_name(namespace, line.strip(), detail)
    print(description or f"There is no {line.strip()!r} in the session.")  # noqa: T201


def run_script(namespace: dict[str, Any], line: str, cell: str) -> None:
    """`%%bash`, `%%sh`."""
    environ = packages.shell_environment(cell)
    with subprocess.Popen(["bash", "-c", cell, "bash", *shlex.split(line)], env=environ) as process:  # noqa: S607
        if code := wait_for_process(process):
            raise Refused(f"The script ended with exit code {code}.")


def write_file(namespace: dict[str, Any], line: str, cell: str) -> None:
    """`%%writefile [-a] FILE`."""
    words = shlex.split(expand_variables(line, namespace))
    paths = [word for word in words if word not in ("-a", "--append")]
    if len(paths) != 1:
        raise Refused("%%writefile takes the name of a file, and -a to append to it.")
    appends = len(words) > 1
    path = os.path.expanduser(paths[0])  # noqa: PTH111
    with open(path, "a" if appends else "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(cell)
    if path.endswith(".py"):
        packages.use_new_workers()  # those of UDFs may know the module as it was
    with contextlib.suppress(OSError, NotImplementedError):  # there is none
        # Python takes what it compiled of a module for current if its file has the same second and size.
        os.remove(importlib.util.cache_from_source(path))  # noqa: PTH107
    print(("Added to" if appends else "Wrote"), paths[0])  # noqa: T201


def shell_magic(name: str) -> Callable[[dict[str, Any], str], Any]:
    """`%ls` is `!ls`."""
    return lambda namespace, line: InteractiveShell(namespace).system(f"{name} {line}")


def no_conda(namespace: dict[str, Any], line: str) -> None:
    raise Refused("conda cannot be used in a session. `%pip install` installs Python packages for this session.")


def do_nothing(namespace: dict[str, Any], line: str) -> None:
    """`%matplotlib …`: figures are shown in any case."""


LINE_MAGICS: dict[str, Callable[[dict[str, Any], str], Any]] = {
    "pip": lambda namespace, line: packages.pip(namespace, expand_variables(line, namespace)),
    "conda": no_conda,
    "time": time_line,
    "timeit": lambda namespace, line: timeit_cell(namespace, line, ""),
    "matplotlib": do_nothing,
    "matplot": do_nothing,
    "pinfo": print_description,
    "pinfo2": lambda namespace, line: print_description(namespace, line, 1),
    "env": environment,
    "set_env": environment,
    "cd": change_folder,
    "pwd": lambda namespace, line: os.getcwd(),  # noqa: PTH109
    "who": who,
    "whos": whos,
    "autoreload": reloading.autoreload,
    **{name: shell_magic(name) for name in SHELL_COMMANDS},
}
CELL_MAGICS: dict[str, Callable[[dict[str, Any], str, str], Any]] = {
    "timeit": timeit_cell,
    "bash": run_script,
    "sh": run_script,
    "writefile": write_file,
}
