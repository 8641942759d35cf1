"""The magics of a notebook: a line or a cell is parsed, run and shown.

`magics` registers them, `cells` runs `%%livy_sql` and its like, `subcommands` has the table of `%livy` subcommands, whose functions
stand in the `…_command` and `…_commands` modules; `notebook` is what they share.

May import: printable, errors, logs, own_imports, settings, settings_files, notebooks, livy, cells, signin, fabric, running,
sessions, output, widgets, completion.
Used by others: `FabricLivyMagics`, `load`, `unload` and `of` (of `magics`).
"""
