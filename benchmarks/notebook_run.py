"""What a notebook costs over its statements: the portal's largest cell, and 200 cells, in a kernel on the embedded Fabric.

    python benchmarks/notebook_run.py [--cells 200]

Prints the time of a cell as the front end sees it, beside the same code as plain statements (`session.run(…, plain=True)`, without the
agent) in a session of the same server; then the same of a cell of 68 KB, the largest of 8,067 real ones, and how long reading,
checking and planning such notebooks takes before anything runs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fabric_livy_magic import connect
from fabric_livy_magic.notebook_runs.prepare import prepare_run
from fabric_livy_magic.notebooks.files import read_notebook, write_notebook
from fabric_livy_magic.notebooks.model import Cell, Notebook
from tests.support import service
from tests.support.kernels import kernel

LARGE_CELL_BYTES = 68_035
REPEATS = 5


def large_cell() -> str:
    lines: list[str] = []
    while sum(map(len, lines)) + len(lines) < LARGE_CELL_BYTES:
        lines.append(f"value_{len(lines)} = 'größer als {len(lines)}' * 2")
    return "\n".join(lines)


def times_ms(call: Callable[[str], object], codes: list[str]) -> list[float]:
    found = []
    for code in codes:
        began = time.perf_counter()
        call(code)
        found.append((time.perf_counter() - began) * 1000)
    return found


def row(what: str, plain_ms: list[float], cell_ms: list[float]) -> None:
    plain, cell = statistics.median(plain_ms), statistics.median(cell_ms)
    print(f"{what:<28}{plain:9.1f} ms{cell:9.1f} ms{cell - plain:+9.1f} ms", flush=True)


def before_it_runs(folder: Path, name: str, cells: list[str]) -> None:
    path = folder / f"{name}.Notebook"
    write_notebook(path, Notebook(cells=tuple(Cell(source=cell) for cell in cells)))
    began = time.perf_counter()
    prepare_run(path, read_notebook(path))
    print(f"{name}: read, checked and planned in {(time.perf_counter() - began) * 1000:.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=200)
    options = parser.parse_args()
    small = [f"rows_{number} = {number}\nrows_{number}" for number in range(options.cells)]
    large = [large_cell()] * REPEATS
    with tempfile.TemporaryDirectory() as home, service.serving(Path(home) / "house") as api:
        folder = Path(home)
        before_it_runs(folder, f"{options.cells} cells", small)
        before_it_runs(folder, "one cell of 68 KB", large[:1])
        environ = {"FABRIC_LIVY_TARGET": api.base, "FABRIC_LIVY_TOKEN": service.TOKEN}
        os.environ.update(environ)
        with connect() as session, kernel(environ, folder, spec="fabric-livy") as notebook:

            def plain(code: str) -> object:
                return session.run(code, plain=True)

            def cell(code: str) -> None:
                done = notebook.run(code)
                assert done.status == "ok", done.traceback

            plain("1")
            cell("1")  # starts its session
            print(f"\n{'median of one':<28}{'plain':>12}{'cell':>12}{'more':>12}")
            row(f"{options.cells} small cells", times_ms(plain, small), times_ms(cell, small))
            row("cell of 68 KB", times_ms(plain, large), times_ms(cell, large))


if __name__ == "__main__":
    main()
