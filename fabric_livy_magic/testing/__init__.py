"""Tests of a Fabric repository: the pytest plugin, its fixtures, and notebooks that are run by tests.

`plugin` is the entry point of pytest, which loads the rest with the first use of a fixture; `targets` is the Fabric of a test run,
`fresh_lakehouse` what each test gets there; `notebook_runner` runs notebooks in it, whose results are in `results`.

May import: printable, errors, notebooks, livy, cells, signin, sessions, notebook_runs, local.
Used by others: `plugin` (by pytest).
"""
