"""Workspaces and lakehouses as folders, OneLake paths and files, uploads, mounts.

May import: nothing of this package.
Used by others: `Workspaces` and `Lakehouse` (of `workspaces`), `local_path` (of `onelake_paths`), `command_with_mount` (of `mounts`).
"""
