"""Fabric's other REST APIs: workspaces, lakehouses, tables, environments, notebook items.

`api` has one method per endpoint: a new endpoint goes there. `names` finds the item of a name, `targets` reads
`workspace/lakehouse` and Livy connection strings.

May import: errors, notebooks, livy.
Used by others: `FabricApi` (of `api`), `Item` (of `models`), `ids_in_url`, `livy_url` and `split_target` (of
`targets`), `WorkspaceNotebooks` (of `notebook_items`).
"""
