"""What `%livy debug` costs: its beginning, and Python code of the session while it listens.

    python benchmarks/debugger.py

The agent runs in a Python of its own, without Spark. The same cells run before debugpy listens, while it does, with a client and no
breakpoint, with a breakpoint in another function, and after its end.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.agent_process import AgentProcess, agent_process
from tests.support.dap import DapClient

CALLS = "def one(n):\n    return n + 1\nfor n in range(1_000_000):\n    one(n)\n"
LOOP = "total = 0\nfor n in range(3_000_000):\n    total += n\n"
OTHER = "def other():\n    return 1\n"


def cells_s(agent: AgentProcess, code: str) -> float:
    """The best of three."""
    took = []
    for _ in range(3):
        began = time.perf_counter()
        assert agent.cell(code).error is None
        took.append(time.perf_counter() - began)
    return min(took)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, agent_process(Path(folder)) as agent:
        agent.cell(OTHER)
        base = {code: cells_s(agent, code) for code in (CALLS, LOOP)}

        def show(when: str) -> None:
            calls, loop = (cells_s(agent, code) / base[code] for code in (CALLS, LOOP))
            print(f"{when:<34} 1 M calls {calls:6.1f} x   a loop of 3 M {loop:6.1f} x")

        print(f"without: 1 M calls {base[CALLS]:.2f} s, a loop of 3 M {base[LOOP]:.2f} s")
        began = time.perf_counter()
        found = agent.call("debug", 0).value
        print(f"`%livy debug` took {time.perf_counter() - began:.1f} s")
        show("it listens")
        client = DapClient(found["host"], found["port"])
        client.attach()
        show("a client is attached")
        client.set_breakpoints(found["cells"][0][1], [2])
        show("and has a breakpoint elsewhere")
        client.close()
        agent.call("stop_debugging")
        show("after its end")
    return 0


if __name__ == "__main__":
    sys.exit(main())
