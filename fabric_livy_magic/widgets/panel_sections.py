"""What the panel of `%livy ui` holds: for each section the `%livy` lines whose lists it shows, and the lines that its buttons run. Pure.

Nothing is done that a line does not do, so that the panel says for each button how to do without it.
"""

from __future__ import annotations

from fabric_livy_magic.cells.sql_text import quoted_name
from fabric_livy_magic.fabric.targets import join_target
from fabric_livy_magic.livy.models import SessionState
from fabric_livy_magic.widgets.panel_files import FILES
from fabric_livy_magic.widgets.panel_parts import INTERRUPT, Action, Record, Row, Section, livy, word

RECENT = "recent targets"  # no line: the panel's own
ROWS_OF_PREVIEW = 10


def quoted_table(name: str) -> str:
    return ".".join(map(quoted_name, name.split(".")))


def _other_session(record: Record) -> tuple[str, str] | None:
    """One of the server's that this notebook has not."""
    if record["name_here"] or SessionState(record["state"]).has_ended:
        return None
    words = (record["name"], record["state"], record["owner"], record["id"])
    return " · ".join(str(one) for one in words if one), str(record["id"])


ACCOUNT = Section(
    "Account",
    (Row((Action("Sign in", livy("login")), Action("Sign out", livy("logout")))),),
    ("%livy whoami",),
)
TARGET = Section(
    "Target",
    (
        Row((Action("Use", lambda picked: f"%livy use {picked['recent']}", ("recent",)),), "recent", RECENT),
        Row(
            (
                Action("List workspaces", livy("workspaces")),
                Action("List its lakehouses", livy("lakehouses", "workspace"), ("workspace",)),
            ),
            "workspace",
            "%livy workspaces",
        ),
        Row(
            (
                Action(
                    "Use",
                    lambda picked: f"%livy use {join_target(picked['workspace'], picked['lakehouse'])}",
                    ("workspace", "lakehouse"),
                ),
            ),
            "lakehouse",
            "%livy lakehouses",
        ),
    ),
    ("%livy config target",),
)
SESSIONS = Section(
    "Sessions",
    (
        Row(
            (
                Action("Make current", livy("switch", "session"), ("session",)),
                Action("Restart", livy("restart", "session"), ("session",)),
                Action("Stop", livy("stop", "session"), ("session",)),
                Action("Log", livy("logs", "session"), ("session",)),
            ),
            "session",
            "%livy status",
        ),
        Row(
            (
                Action(
                    "Start", lambda picked: f"%livy start {word(picked['name'])}" if picked["name"] else "%livy start"
                ),
            ),
            text="name",
        ),
        Row(
            (Action("Attach", livy("attach", "elsewhere"), ("elsewhere",)),),
            "elsewhere",
            "%livy sessions",
            _other_session,
        ),
    ),
    ("%livy status", "%livy sessions"),
)
STATEMENTS = Section(
    "Statements",
    (
        Row(
            (
                Action("Interrupt the cell", lambda picked: INTERRUPT),
                Action("Cancel all of the session", livy("cancel")),
            )
        ),
        Row(
            (Action("Cancel", livy("cancel -b", "background"), ("background",)),),
            "background",
            "%livy statements",
            lambda record: (f"{record['number']} · {record['state']}", str(record["number"])),
        ),
    ),
    ("%livy statements",),
)
CATALOG = Section(
    "Catalog",
    (
        Row(
            (
                Action("Columns", livy("schema", "table"), ("table",)),
                Action(
                    "Preview",
                    lambda picked: f"%%livy_sql -n {ROWS_OF_PREVIEW}\nSELECT * FROM {quoted_table(picked['table'])}",
                    ("table",),
                ),
            ),
            "table",
            "%livy tables",
        ),
    ),
    ("%livy tables",),
)
BATCHES = Section(
    "Batches",
    (
        Row(
            (
                Action("State and reason", livy("batch show", "batch"), ("batch",)),
                Action("Log of the batch", livy("batch logs", "batch"), ("batch",)),
                Action("Cancel the batch", livy("batch cancel", "batch"), ("batch",)),
            ),
            "batch",
            "%livy batch list",
            lambda record: (f"{record['name'] or record['id']} · {record['state']}", str(record["id"])),
        ),
        # As it is typed: the program's arguments and the options of submit may follow the file.
        Row((Action("Submit", lambda picked: f"%livy batch submit {picked['file']}", ("file",)),), text="file"),
    ),
    ("%livy batch list",),
)
SETTINGS = Section(
    "Settings",
    (
        Row(
            (Action("Set for this notebook", livy("config", "setting", "value"), ("setting", "value")),),
            "setting",
            "%livy config",
            text="value",
        ),
    ),
    ("%livy config",),
)
ASK_SERVER = ("%livy sessions", "%livy tables", "%livy files ls", "%livy batch list")
SECTIONS = (SESSIONS, STATEMENTS, TARGET, CATALOG, FILES, BATCHES, ACCOUNT, SETTINGS)
