"""Semantic link in a session of the embedded Fabric, where the real one is not installed: `sempy.fabric` has the ids and names
of workspaces and items. The rest says what it needs when it is used."""
