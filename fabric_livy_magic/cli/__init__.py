"""`fabric-livy` in a terminal: demo, serve, run, test, batch, convert, check, login, doctor, kernel, config.

`main` has the parser; a module `…_commands` for each subject has its commands.

May import: printable, errors, own_imports, settings, trust, settings_files, notebooks, livy, cells, signin, frames, running,
sessions, output, kernel, notebook_runs, testing, local.
Used by others: `main` (of `main`).
"""
