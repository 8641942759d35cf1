"""One thing that a notebook needs. Pure."""

from __future__ import annotations

from dataclasses import dataclass

# The verdicts.
AVAILABLE, HERE_ONLY, TO_PROVIDE, FABRIC_ONLY, PROBLEM = "there", "here", "provide", "fabric", "problem"
SEVERITY = {AVAILABLE: 0, HERE_ONLY: 1, TO_PROVIDE: 2, FABRIC_ONLY: 3, PROBLEM: 4}
A_MOCK = "a mock stands for it (docs/mocks.md)"


@dataclass(frozen=True)
class Need:
    """`verdict` is AVAILABLE; HERE_ONLY: the embedded Fabric has it, and Fabric has not; TO_PROVIDE: a package, a secret or a service, which you can give the embedded Fabric; FABRIC_ONLY
    (not in the embedded Fabric); or PROBLEM, wherever the notebook runs.

    `cells` are numbers of code cells, counted from 1.
    """

    what: str
    name: str
    verdict: str = AVAILABLE
    text: str = ""
    cells: tuple[int, ...] = ()
