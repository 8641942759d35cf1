"""Runs code on one REPL of a Livy session, and makes results of what comes back.

`run_cell` takes a cell down; `kinds/` has a module for each statement kind; `results` is what comes up. Background cells, many
codes on several REPLs, frames (`frame_roads`: inline, or by files in OneLake), and requests while somebody types are modules of their own.

May import: errors, settings, livy, cells, fabric, frames, agent.
Used by others: `run_cell` (of `run_cell`), `Repl` (of `repl`), `Result` and its parts (of `results`), `Background` (of `background`),
`FanOut` (of `fan_out`), `fetch_frame` and `send_frame` (of `session_frames`), `earlier_statements` (of `earlier_statements`).
"""
