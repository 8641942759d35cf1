"""What a person clicks: ipywidgets, loaded with the first use; every one has a text twin.

`cancel_button` stands beside the progress of a cell that runs. `panel` is that of `%livy ui`: what is in it says `panel_sections`,
without widgets; `panel_outputs` runs its lines. `explore` is charts and profiles with controls. What that view shows is a display
beneath its controls, updated in place: so a saved notebook has it, and it may be of any MIME type that the front end draws. What it
asks of a session runs in a thread (`latest`), in its place among the session's cells. `views` is how all three are drawn.

May import: printable, errors, own_imports, livy, cells, fabric, running, sessions, output.
Used by others: `cancel_button` (of `cancel_button`), `ExploreView` (of `explore`), `Panel` (of `panel`), `text_overview` (of
`panel_outputs`).
"""
