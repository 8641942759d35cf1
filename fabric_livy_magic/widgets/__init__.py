"""What a person clicks: ipywidgets, loaded with the first use; every one has a text twin.

`cancel_button` stands beside the progress of a cell that runs; `explore` is charts and profiles with controls. What a view shows is a
display beneath its controls, updated in place: so a saved notebook has it, and it may be of any MIME type that the front end draws.
What it asks of a session runs in a thread (`latest`), in its place among the session's cells.

May import: printable, errors, own_imports, livy, cells, running, sessions, output.
Used by others: `cancel_button` (of `cancel_button`), `ExploreView` (of `explore`).
"""
