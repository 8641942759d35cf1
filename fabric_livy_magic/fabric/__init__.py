"""Fabric's other REST APIs: workspaces, lakehouses, tables, environments, notebook items, OneLake's files.

`api` has one method per endpoint: a new endpoint goes there. `names` finds the item of a name, `targets` reads
`workspace/lakehouse` and Livy connection strings. `onelake_calls` has OneLake's endpoints, `transfers` moves whole files by them.

May import: errors, notebooks, livy.
Used by others: `FabricApi` (of `api`), `Item` (of `models`), `ids_in_url`, `livy_url` and `split_target` (of
`targets`), `OneLake` (of `onelake`), `WorkspaceNotebooks` (of `notebook_items`).
"""
