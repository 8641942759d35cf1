"""Fabric's other REST APIs: workspaces, lakehouses, tables, environments, notebook items.

One method of `FabricApi` an endpoint.

May import: errors, notebooks, livy.
Used by others: `FabricApi`, `Item` and `ids_in` (of `api`), `WorkspaceNotebooks` (of `notebook_items`).
"""
