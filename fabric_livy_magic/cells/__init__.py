"""A cell's text, pure: the options of cells (`cell`) and of `%livy` (`subcommands`), SQL, Scala lines.

An option of `%%livy_sql` and its like is added in `cell`: to `cell_parser` and, as a field, to `Cell`. A `%livy` subcommand and
its options are added in `subcommands`: to `SUMMARIES` and `parser_of`; one of `batch` in `batch_options`. `batch_script` makes the
script of a batch of a notebook. `kernel_cells` cuts a cell of the Fabric Livy kernel into
steps.

May import: errors, settings, notebooks.
Used by others: `Cell` and `read_cell` (of `cell`), `read_command` (of `subcommands`), `BatchRequest` (of `batch_options`), `read_kernel_cell` (of `kernel_cells`),
`split_statements` (of `sql_text`), `bind` (of `sql_parameters`), `join_scala_lines` (of `scala_lines`), `session_spec` and
`read_configuration` (of `session_request`).
"""
