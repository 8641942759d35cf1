"""What messages advise where it depends on the kind of server: one row for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class TargetWords:
    sign_in: str
    """After a 401."""
    no_access: str
    """After a 403 without a code that is known."""
    address: str
    """Where the answer is not that of a Livy server."""
    full: str
    """After a 430: no room for another session."""
    not_found: str
    """Of `%livy doctor`, after a 404."""
    ask_for: str
    """Of `%livy doctor`, after a 401 or 403."""
    endings: Mapping[str, str] = field(default_factory=dict)
    """Advice by the category of an ending (`livy/endings.py`)."""


OF_FABRIC = TargetWords(
    sign_in="The token is missing, expired or meant for another service. "
    "Set FABRIC_LIVY_TOKEN, or sign in with `az login`, and run the cell again",
    no_access="The workspace needs to give this account the Contributor role or a higher one.",
    address="Check the address: it should be a lakehouse's Livy connection string, or a Livy server's root.",
    full="Stop a session that is not needed (`%livy sessions` lists them), wait, or choose a larger capacity.",
    not_found="The address or the name is wrong, or the lakehouse was deleted. `%livy lakehouses` lists them.",
    ask_for="Ask for the Contributor role in the workspace; for a service principal also for the tenant setting "
    "“Service principals can use Fabric APIs”.",
    endings={
        "memory": "Collect fewer rows, or give it more: `%livy start --driver-memory 56g --driver-cores 8`.",
        "capacity": "`%livy sessions` lists what holds the capacity; a smaller session may fit (`%livy start --help`).",
        "idle": "`%livy config keep_alive_min 60` keeps sessions alive for an hour after a cell.",
    },
)
OF_APACHE_LIVY = TargetWords(
    sign_in="Behind basic authentication the user is `%livy config livy_user NAME`, and the password the environment variable "
    "FABRIC_LIVY_PASSWORD, before the notebook starts",
    no_access="The server's administrator says who may use it and whose sessions an account may change.",
    address="Check the address: it should be the Livy server's root, such as http://host:8998.",
    full="Stop a session that is not needed (`%livy sessions` lists them), or wait.",
    not_found="The address is wrong, or the session was deleted. `%livy sessions` lists them.",
    ask_for="Check the user (`%livy config livy_user`) and FABRIC_LIVY_PASSWORD, or ask the server's administrator.",
    endings={
        "memory": "Collect fewer rows, or give it more: `%livy start --driver-memory 8g`.",
        "capacity": "`%livy sessions` lists what runs on the server; a smaller session may fit (`%livy start --help`).",
        "idle": "The server ends idle sessions (its `livy.server.session.timeout`).",
    },
)
