"""Fabric's notebook files, pure: both formats, what they need, and what `%run` means.

`model` is a notebook; `files` finds, reads and writes it by `ipynb` and `git_format`; `run_magic` resolves `%run`.
`needs` is what `fabric-livy check` reports, from the tables in `portal_features`: what a session learns to do is added there.

May import: errors.
Used by others: `Notebook` and `Cell` (of `model`), `read_notebook` and `NotebookFile` (of `files`), `Checker` (of `needs`),
`Defaults` (of `defaults`), `resolve_run` (of `run_magic`), `Repository` (of `repository`), `split_line_magics` (of
`ipython_syntax`).
"""
