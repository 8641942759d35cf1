"""Languages, magics and services of the portal's notebooks, and which of them run through this package. Data only.

`fabric-livy check` reports by these tables: add to them what a session learns to do.
"""

from __future__ import annotations

import re

LANGUAGES = {"pyspark": "PySpark", "sql": "Spark SQL", "spark": "Scala", "sparkr": "SparkR"}

# Languages that no Livy session runs: name → (what it is, why not here).
OTHER_LANGUAGES = {
    "tsql": ("T-SQL", "it runs on a warehouse or a SQL endpoint, not in Spark; a SQL client reaches those"),
    "kql": ("KQL", "it runs on an Eventhouse, not in Spark; a Kusto client reaches that"),
    "python": (
        "Python without Spark",
        "it runs in a container of its own, without Spark; any Jupyter runs it, as far as it needs nothing of Fabric",
    ),
    "csharp": ("C#", "Fabric has no .NET for Spark; it comes from Synapse"),
    "dax": ("DAX", "it runs on a semantic model; semantic link in the portal reaches that"),
    "chat": ("Copilot", "the portal answers it"),
    "code": ("Copilot", "the portal answers it"),
}

PORTAL_MAGICS = frozenset(
    {"!", "%run", "%pip", "%matplotlib", "%load_ext", "%%sql", "%%pyspark", "%%spark", "%%sparkr", "%%configure"}
)
PACKAGE_MAGICS = re.compile(r"%%?livy(_\w+)?")  # of this package's extension, in a notebook for any Jupyter
# IPython's own: in the session, or beside it in the kernel.
IPYTHON_MAGICS = re.compile(
    "%(alias|autoreload|automagic|cd|conda|config|dirs|env|history|lsmagic|magic|page|pdb|pdef|pdoc|pfile|pinfo2?|precision"
    "|prun|psource|pwd|quickref|reload_ext|reset|set_env|store|system|sx|tb|time|timeit|unload_ext|who|who_ls|whos|xdel|xmode)"
    "|%%(bash|capture|html|javascript|js|latex|markdown|prun|script|sh|svg|time|timeit|writefile)"
)
# Those of them that work on Python names: in the kernel they find its own, not those of the session.
MAGICS_ON_NAMES = frozenset(
    {
        "%page",
        "%pdb",
        "%pdef",
        "%pdoc",
        "%pfile",
        "%precision",
        "%prun",
        "%psource",
        "%reset",
        "%store",
        "%xdel",
        "%%prun",
    }
)
# Magics of other products and misspelled ones → what Fabric has instead.
FABRIC_EQUIVALENT_OF_MAGIC = {
    "%md": "a Markdown cell (%md is Databricks')",
    "%%md": "a Markdown cell",
    "%fs": "notebookutils.fs (%fs is Databricks')",
    "%sh": "!command (%sh is Databricks')",
    "%sql": "%%sql, with two signs",
    "%python": "%%pyspark (%python is Databricks')",
    "%pyspark": "%%pyspark, with two signs",
    "%scala": "%%spark (%scala is Databricks')",
    "%spark": "%%spark, with two signs",
    "%r": "%%sparkr (%r is Databricks')",
    "%sparkr": "%%sparkr, with two signs",
    "%configure": "%%configure, with two signs",
    "%%python": "%%pyspark",
    "%%scala": "%%spark",
    "%%r": "%%sparkr",
    "%%sparksql": "%%sql",
    "%%local": "nothing: a notebook's code runs in its session",
}

# Modules of notebookutils → their functions that the embedded Fabric has; None is all of them.
UTILITIES_OF_EMBEDDED_FABRIC: dict[str, frozenset[str] | None] = {
    "fs": None,
    "notebook": frozenset({"run", "runMultiple", "validateDAG", "exit", "help"}),
    "lakehouse": frozenset({"get", "getWithProperties", "list", "listTables", "help"}),
    "runtime": None,
    "credentials": frozenset({"getToken", "getSecret", "getSecretWithLS", "isValidToken", "help"}),
    "variableLibrary": None,
    "session": None,
    "help": None,
    "nbResPath": None,
    "visualization": None,
    "display": None,
    "displayHTML": None,
    "enableMatplotlib": None,
    "common": None,
    "env": None,
}

# Semantic link: its modules that the embedded Fabric has, and the functions in them.
SEMANTIC_LINK_OF_EMBEDDED_FABRIC: dict[str, frozenset[str]] = {
    "sempy": frozenset(),
    "sempy.fabric": frozenset(
        {
            "get_workspace_id", "get_notebook_workspace_id", "get_lakehouse_id", "get_artifact_id",
            "resolve_workspace_id", "resolve_workspace_name", "resolve_workspace_name_and_id", "list_workspaces",
            "list_items", "resolve_item_id", "resolve_item_name", "get_item", "exceptions", "lakehouse",
        }
    ),
    "sempy.fabric.lakehouse": frozenset({"resolve_lakehouse_id", "resolve_lakehouse_name"}),
    "sempy.fabric.exceptions": frozenset(
        {
            "SemPyException", "FabricHTTPException", "DatasetNotFoundException", "WorkspaceNotFoundException",
            "ItemNotFoundException",
        }
    ),
}  # fmt: skip
SEMANTIC_LINK_NEEDS = "semantic link, which works on semantic models and Fabric's own REST"

# Packages that do not work without the service: the beginning of a module's name → what it is.
SERVICE_PACKAGES = {
    "sempy_labs": "semantic link labs, which works on semantic models and Fabric's own REST",
    "synapse": "SynapseML as Fabric has it",
    "com.microsoft": "a Java package of Fabric's runtime",
    "fabric": "a package of Fabric's runtime",
    "chat_magics": "Copilot",
    "fmlv": "materialized lake views in Python",
    "trusted_service": "a package of Fabric's runtime",
}
SERVICE_NAMES = {"TokenLibrary": "Synapse's way to tokens and secrets: notebookutils.credentials is Fabric's"}
SERVICE_ATTRIBUTES = {"synapsesql": "the Spark connector of warehouses"}
SERVICE_FORMATS = {
    "com.microsoft.kusto.spark": "the Spark connector of Eventhouses",
    "com.microsoft.sqlserver.jdbc.spark": "the Spark connector of SQL databases",
    "com.microsoft.azure.eventhubs": "the Spark connector of Event Hubs",
}

# What reaches outside, by the beginning of a module's name; each needs the network.
HTTP_PACKAGES = (
    "requests", "urllib.request", "urllib3", "http.client", "httpx", "aiohttp", "openai", "feedparser", "yfinance", "wget",
    "msal", "azure.identity", "azure.keyvault", "azure.storage", "azure.ai", "azure.core", "adlfs", "boto3", "google.cloud",
    "simple_salesforce", "shareplum", "office365", "kaggle", "huggingface_hub", "langchain_openai",
)  # fmt: skip
DATABASE_PACKAGES = (
    "pyodbc", "sqlalchemy", "pymssql", "psycopg", "psycopg2", "pymysql", "mysql", "oracledb", "cx_Oracle", "pymongo", "snowflake",
    "azure.cosmos", "redis", "ibm_db", "teradatasql", "hdbcli",
)  # fmt: skip
KUSTO_PACKAGES = ("azure.kusto",)
STORAGE_SCHEMES = ("wasbs?", "abfss?", "adl", "s3[an]?", "gs", "sftp", "ftp")
FABRIC_HOSTS = ("api.fabric.microsoft.com", "api.powerbi.com", ".analysis.windows.net", ".pbidedicated.windows.net")
TOKEN_FUNCTIONS = frozenset(
    {"getToken", "getSecret", "getSecretWithLS", "getFullConnectionString", "getConnectionStringOrCreds"}
)

FABRIC_EQUIVALENT_OF_DBUTILS = {
    "fs": "notebookutils.fs",
    "notebook": "notebookutils.notebook",
    "secrets": "notebookutils.credentials.getSecret",
    "widgets": "the parameters cell",
    "library": "%pip and notebookutils.session.restartPython",
}
LAKE_VIEWS = re.compile(r"\b(?:CREATE|REFRESH)\b[^;]{0,40}\bMATERIALIZED\s+LAKE\s+VIEW\b", re.IGNORECASE)
LAKE_VIEWS_NOTE = "on the embedded Fabric a Delta table: REFRESH MATERIALIZED LAKE VIEW refreshes it, no schedule does"
SQL_WORDS = re.compile(
    "ALTER|CREATE|DELETE|DESCRIBE|DROP|EXPLAIN|GRANT|INSERT|MERGE|OPTIMIZE|SELECT|SHOW|TRUNCATE|UPDATE|USE|VACUUM|WITH"
)
