"""Notebooks run from their files: in a kernel of their own or one after the other in a shared one.

`prepare` makes a Fabric notebook's cells what the Fabric Livy kernel runs, with its parameters; `execute` runs them in a kernel and
keeps their outputs; `series` runs several.

May import: printable, errors, forks, settings, notebooks, agent, output, kernel.
Used by others: `prepare_run` (of `prepare`), `Limits`, `open_kernel` and `run_notebook` (of `execute`), `run_series` (of `series`).
"""
