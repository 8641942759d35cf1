"""What a person reads of a notebook test that failed: the cell with its line, the values, the cause first."""

from __future__ import annotations

from fabric_livy_magic.printable import printable, printable_output, without_colours
from fabric_livy_magic.testing.notebook_reports import CellReport, NotebookReport

LINES_SHOWN = 12  # of the cell, around its line
OUTPUT_LINES_SHOWN = 20


def failure_text(report: NotebookReport) -> str:
    """For a test that ran the notebook: in its first line the notebook, the place and the cause."""
    cell = report.failed_cell
    if cell is None:
        return printable(f"The notebook {report.name} failed, and no cell says why. {report.path}")
    line = f", line {cell.failed_line}" if cell.failed_line else ""
    cause = without_colours(cell.error).partition("\n")[0]
    first = printable(f"The notebook {report.name} failed in cell {cell.number}{line}: {cause}")
    return "\n".join([first, *failure_lines(report, mark="")])  # pytest marks each of these lines itself


def failure_lines(report: NotebookReport, path: str = "", mark: str = "E") -> list[str]:
    """`path`: as it is shown, where that is not the whole one. `mark` stands before the lines of the error."""
    cell = report.failed_cell
    if cell is None:
        return printable(report.problem or "It failed, and no cell says why.").splitlines()
    lines = [printable(place_of(cell, path or report.path)), "", *source_lines(cell)]
    lines += [f"{mark:<7}{line}".rstrip() for line in printable(without_colours(cell.error)).splitlines()]
    lines += [printable(report.problem)] if report.problem else []
    if printed := "".join(cell.texts).rstrip():
        shown = printable_output(printed).splitlines()
        cut = [f"… {len(shown) - OUTPUT_LINES_SHOWN} lines before"] if len(shown) > OUTPUT_LINES_SHOWN else []
        lines += ["", "What the cell printed:", *(f"    {one}" for one in [*cut, *shown[-OUTPUT_LINES_SHOWN:]])]
    return lines


def place_of(cell: CellReport, path: str) -> str:
    line = f", line {cell.failed_line}" if cell.failed_line else ""
    return f"{path}{f':{cell.line + max(cell.failed_line, 1) - 1}' if cell.line else ''}: cell {cell.number}{line}"


def source_lines(cell: CellReport) -> list[str]:
    """As pytest has them: `>` before the line that failed."""
    lines = printable(cell.source).splitlines()
    first = max(0, min(cell.failed_line - 1 - LINES_SHOWN // 2, len(lines) - LINES_SHOWN)) if cell.failed_line else 0
    end = max(cell.failed_line, first + 1) if cell.failed_line else first + LINES_SHOWN
    shown = lines[first:end]
    return [
        f"{'>' if number == cell.failed_line else ' '}      {text}".rstrip()
        for number, text in enumerate(shown, first + 1)
    ]
