"""What a person clicks: ipywidgets, loaded with the first use; every one has a text twin.

`cancel_button` stands beside the progress of a cell that runs.

May import: livy, output.
Used by others: `cancel_button` (of `cancel_button`).
"""
