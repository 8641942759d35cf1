"""The embedded Fabric: the Livy API of Microsoft Fabric on loopback, over real Spark.

It reads the API on its own and shares no code with the client, so that each checks the other.

May import: errors, own_folders, started_processes, forks, notebooks.
Used by others: `start_local_fabric` (of `server.launch`), `find_token` and `find_certificates` (of `server.discovery`), `run_serve` (of `serve`).
"""
