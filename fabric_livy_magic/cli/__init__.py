"""`fabric-livy` in a terminal: demo, serve, run, convert, check, login, doctor, kernel, config.

`main` has the parser; a module `…_commands` for each subject has its commands; `execute` runs a notebook file in a kernel.

May import: printable, errors, own_imports, settings, trust, settings_files, notebooks, cells, signin, agent, sessions, output,
kernel, local.
Used by others: `main` (of `main`).
"""
