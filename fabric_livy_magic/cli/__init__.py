"""`fabric-livy` in a terminal: use, sql, start, stop, run, demo, batch, files, test, convert, check, serve, login, config and more.

`main` has the parser; a module `…_commands` for each subject has its commands.

May import: printable, errors, own_imports, settings, trust, settings_files, notebooks, livy, cells, signin, frames, running,
sessions, output, kernel, notebook_runs, testing, local.
Used by others: `main` (of `main`).
"""
