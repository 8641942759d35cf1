"""The sessions of a notebook: what it chose, how they start, are found, kept and end.

`account` is what the notebook chose and who is signed in, `connections` opens a client for a target, `notebook_sessions` keeps the
sessions by name, `runner` runs the notebook's cells on them, `connect` is the same for programs. `batches` submits
jobs with their files (`batch_files`), which need no session.

May import: errors, clouds, own_folders, started_processes, settings, settings_files, notebooks, livy, cells,
signin, fabric, frames, running, local.
Used by others: `Runner` (of `runner`), `Session` (of `session`), `Account` (of `account`), `connect` (of `connect`), `Batches` and
`Batch` (of `batches`), `examine` (of
`doctor`), `own_sessions` (of `own_sessions`), `notebook_path` (of `records`).
"""
