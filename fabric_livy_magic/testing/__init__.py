"""Tests of a Fabric repository: the pytest plugin, its fixtures, and notebooks that are run by tests.

`plugin` is the entry point of pytest, which loads the rest with the first use of a fixture; `targets` is the Fabric of a test run,
`fresh_lakehouse` what each test gets there; `notebook_runner` runs notebooks in it, whose results are in `results`; `mocks` is what a test mocks.
`notebook_plugin` is the part of the plugin for notebooks that are tests themselves; `notebook_reports` is what became of one, and the
modules `…_report` show it; `run_tests` is `fabric-livy test`.

May import: printable, errors, notebooks, livy, cells, signin, frames, agent, sessions, output, notebook_runs, local.
Used by others: `plugin` (by pytest), `TestRun` and `run_tests` (of `run_tests`).
"""
