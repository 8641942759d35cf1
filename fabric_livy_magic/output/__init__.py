"""What a person sees: `tables`, `results` of any MIME type, progress, sign-in, each with a text twin.

A new MIME type of a result goes into `results`. A table is text by `columns`, static HTML and text by `tables`; `result_tables` adds the
caption and, by `live_table` and table.js, what makes it live. Sessions, settings and the like are `lists`.

May import: printable, errors, livy, signin, fabric, running, sessions.
Used by others: `show` (of `bundles`), `OwnList` and `give` (of `lists`), `Look`, `show_parts` and `print_parts` (of `results`), `ProgressLine` and
`progress_line` (of `progress`), `findings_list` and `settings_list` (of `account`), `whole_error_bundle` (of `errors`), `profile_bundle` and
`cell_bundle` (of `explored`), `chart_bundle` (of `charts`).
"""
