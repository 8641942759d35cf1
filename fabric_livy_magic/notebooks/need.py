"""One thing that a notebook needs. Pure."""

from __future__ import annotations

from dataclasses import dataclass

# The verdicts.
AVAILABLE, TO_PROVIDE, FABRIC_ONLY, PROBLEM = "there", "provide", "fabric", "problem"
SEVERITY = {AVAILABLE: 0, TO_PROVIDE: 1, FABRIC_ONLY: 2, PROBLEM: 3}


@dataclass(frozen=True)
class Need:
    """`verdict` is AVAILABLE; TO_PROVIDE: a package, a secret or a service, which you can give the embedded Fabric; FABRIC_ONLY
    (not in the embedded Fabric); or PROBLEM, wherever the notebook runs.

    `cells` are numbers of code cells, counted from 1.
    """

    what: str
    name: str
    verdict: str = AVAILABLE
    text: str = ""
    cells: tuple[int, ...] = ()
