"""Fabric's notebook files, pure: both formats, what they need, and what `%run` means.

`model` is a notebook, `files` reads and writes it by `ipynb` and `git_format`; `needs` says what it needs without running it.

May import: errors.
Used by others: `Notebook` and `Cell` (of `model`), `read_notebook` and `NotebookFile` (of `files`), `Checker` (of `needs`),
`Defaults` (of `defaults`), `pieces` (of `ipython_syntax`).
"""
