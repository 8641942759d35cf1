"""A program with a session that starts a process as Windows and macOS do, by a new Python."""

from __future__ import annotations

import multiprocessing

from fabric_livy_magic import connect


def work(results: multiprocessing.Queue[str]) -> None:
    import fabric_livy_magic.sessions.connections  # noqa: F401

    results.put("spawned")


if __name__ == "__main__":
    spawn = multiprocessing.get_context("spawn")
    with connect() as session:
        results = spawn.Queue()
        process = spawn.Process(target=work, args=(results,))
        process.start()
        print(results.get(timeout=60))
        process.join()
        assert process.exitcode == 0
        print(session.run("1+1").text.strip())
