"""`fabric-livy` in a terminal: demo, serve, run, convert, check, login, doctor, config.

`main` has the parsers; `execute` runs a notebook file in a kernel.

May import: errors, settings, notebooks, cells, signin, agent, sessions, output, kernel, local.
Used by others: `main` (of `main`).
"""
