"""What a person sees: `tables`, `results` of any MIME type, progress, sign-in, each with a text twin.

A new MIME type of a result goes into `results`, the look of a table into `tables`.

May import: printable, livy, signin, running, sessions.
Used by others: `show` (of `bundles`), `table_bundle` (of `tables`), `show_parts` and `print_parts` (of `results`), `ProgressLine` and
`progress_line` (of `progress`), `findings_bundle` (of `account`).
"""
