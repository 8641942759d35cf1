"""The embedded Fabric: the Livy API of Microsoft Fabric on loopback, over real Spark from pip packages.

One server process (`serve`), one JVM per Livy session (`jvm`), one Python process and one Scala interpreter per REPL.
Client and server share no code on purpose: each reads the published API for itself, so that they check each other.
"""
