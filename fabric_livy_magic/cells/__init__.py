"""A cell's text, pure: magic lines and options, SQL, Scala lines, and the grammar of `%livy`.

`cell` has the options of a cell, `subcommands` those of `%livy`: an option is added there.

May import: errors, settings, notebooks.
Used by others: `Cell` and `read_cell` (of `cell`), `read_command` (of `subcommands`), `read_notebook_cell` (of `kernel_cells`),
`split_statements` (of `sql_text`), `join_scala_lines` (of `scala_lines`), `session_spec` (of `session_request`).
"""
