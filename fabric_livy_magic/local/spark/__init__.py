"""Spark as a process: Java, settings, jars, Delta, start, the tables that it knows.

May import: lakehouse.
Used by others: `Application` (of `application`), `Jvm` (of `jvm`), `SessionRequest` (of `session_request`), `ProcessGroups` (of
`process_groups`), `cache_folder` (of `cache`).
"""
