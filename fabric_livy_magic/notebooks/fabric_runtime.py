"""Which versions Fabric's runtimes have of what notebooks import, and what of it differs in this Python.

From the files that Microsoft publishes of each runtime, https://github.com/microsoft/synapse-spark-runtime: "Fabric/Runtime 1.3
(Spark 3.5)/Fabric-Python311-CPU.yml" at 091fe60, "Fabric/Runtime 2.0 (Spark 4.1)/Fabric-Python313-CPU.yml" at 5c3ef97; Spark and
Delta from the Components.json beside them. A runtime gets newer builds of the same versions.
"""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

# Where a package is imported by another name than it is installed by.
DISTRIBUTION_OF_IMPORT = {
    "attr": "attrs",
    "azure.ai.documentintelligence": "azure-ai-documentintelligence",
    "azure.ai.formrecognizer": "azure-ai-formrecognizer",
    "azure.ai.openai": "azure-ai-openai",
    "azure.cosmos": "azure-cosmos",
    "azure.eventhub": "azure-eventhub",
    "azure.identity": "azure-identity",
    "azure.keyvault.secrets": "azure-keyvault-secrets",
    "azure.kusto.data": "azure-kusto-data",
    "azure.kusto.ingest": "azure-kusto-ingest",
    "azure.storage.blob": "azure-storage-blob",
    "azure.storage.filedatalake": "azure-storage-file-datalake",
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "delta": "delta-spark",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "git": "gitpython",
    "github": "pygithub",
    "google.cloud.bigquery": "google-cloud-bigquery",
    "google.cloud.storage": "google-cloud-storage",
    "googleapiclient": "google-api-python-client",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "magic": "python-magic",
    "markdown": "Markdown",
    "mlflow": "mlflow-skinny",
    "mysql": "mysql-connector-python",
    "nacl": "pynacl",
    "office365": "office365-rest-python-client",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "pkg_resources": "setuptools",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "ruamel": "ruamel.yaml",
    "sempy": "semantic-link",
    "sempy_labs": "semantic-link-labs",
    "serial": "pyserial",
    "shapefile": "pyshp",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "snowflake": "snowflake-connector-python",
    "telegram": "python-telegram-bot",
    "umap": "umap-learn",
    "win32com": "pywin32",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}


@dataclass(frozen=True)
class FabricRuntime:
    """`versions` by the names that pip has."""

    name: str
    python: str
    versions: Mapping[str, str]


RUNTIMES: Mapping[str, FabricRuntime] = {
    "1.3": FabricRuntime(
        "Runtime 1.3",
        "3.11",
        {
            "pyspark": "3.5.1",
            "delta-spark": "3.2.0",
            "pandas": "2.1.4",
            "numpy": "1.26.4",
            "pyarrow": "14.0.2",
            "adlfs": "2024.2.0",
            "azure-storage-blob": "12.22.0",
            "azure-storage-file-datalake": "12.16.0",
            "beautifulsoup4": "4.12.2",
            "bokeh": "3.3.4",
            "catboost": "1.2.3",
            "dask": "2023.11.0",
            "fsspec": "2024.6.1",
            "holidays": "0.48",
            "joblib": "1.2.0",
            "lightgbm": "4.3.0",
            "lxml": "4.9.3",
            "matplotlib": "3.8.0",
            "mlflow-skinny": "2.12.2",
            "networkx": "3.1",
            "nltk": "3.8.1",
            "openpyxl": "3.0.10",
            "optuna": "3.6.1",
            "pillow": "10.2.0",
            "plotly": "5.22.0",
            "prophet": "1.1.5",
            "pyodbc": "5.0.1",
            "pyyaml": "6.0.1",
            "requests": "2.31.0",
            "scikit-image": "0.22.0",
            "scikit-learn": "1.2.2",
            "scipy": "1.11.4",
            "seaborn": "0.12.2",
            "shap": "0.42.1",
            "sqlalchemy": "2.0.25",
            "statsmodels": "0.14.0",
            "sympy": "1.12",
            "torch": "2.2.1",
            "tqdm": "4.65.0",
            "transformers": "4.37.2",
            "xgboost": "2.0.3",
            "xlrd": "2.0.1",
            "xlsxwriter": "3.1.1",
        },
    ),
    "2.0": FabricRuntime(
        "Runtime 2.0",
        "3.13",
        {
            "pyspark": "4.1.1",
            "delta-spark": "4.2.0",
            "pandas": "2.3.3",
            "numpy": "2.4.1",
            "pyarrow": "24.0.0",
            "adlfs": "2025.8.0",
            "azure-identity": "1.25.3",
            "azure-keyvault-secrets": "4.11.0",
            "azure-storage-blob": "12.30.0",
            "azure-storage-file-datalake": "12.25.0",
            "boto3": "1.43.45",
            "catboost": "1.2.10",
            "fsspec": "2026.6.0",
            "holidays": "0.100",
            "joblib": "1.4.2",
            "lightgbm": "4.6.0",
            "matplotlib": "3.10.9",
            "mlflow-skinny": "2.22.0",
            "nltk": "3.10.0",
            "openpyxl": "3.1.5",
            "optuna": "3.6.1",
            "pillow": "12.3.0",
            "plotly": "6.7.0",
            "prophet": "1.3.0",
            "pydantic": "2.13.4",
            "pyodbc": "5.3.0",
            "pyyaml": "6.0.3",
            "requests": "2.34.2",
            "scikit-learn": "1.6.1",
            "scipy": "1.18.0",
            "seaborn": "0.13.2",
            "sqlalchemy": "2.0.51",
            "statsmodels": "0.14.6",
            "tqdm": "4.68.3",
            "xgboost": "2.1.4",
            "xlrd": "2.0.2",
        },
    ),
}
SESSION_PACKAGES = ("pyspark", "delta-spark", "pandas", "numpy", "pyarrow")  # what every session runs with
_PARTS_COMPARED = {"python": 2, "pyspark": 2, "delta-spark": 2}  # of others the first, while that is 0 the second, too


def installed_version(distribution: str) -> str | None:
    """None where it is not there."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def distribution_of(module: str) -> str:
    """The name by which pip knows what is imported as `module`: by the metadata of what is installed, else by the table above.

    Several packages may share a module (`azure`, `google`): then its longest beginning in the table counts.
    """
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        if known := DISTRIBUTION_OF_IMPORT.get(".".join(parts[:length])):
            return known
    owners = sorted(set(_owners_of_modules().get(parts[0], ())))
    return owners[0].lower() if len(owners) == 1 else parts[0].lower().replace("_", "-")


@cache
def _owners_of_modules() -> Mapping[str, list[str]]:
    """Reading it takes tens of milliseconds."""
    return importlib.metadata.packages_distributions()


VersionOf = Callable[[str], str | None]


def runtime_of(pyspark: str | None, python: tuple[int, int]) -> FabricRuntime:
    """The one that sessions of this Python stand for: by its Spark, else by the Spark that it would get."""
    is_spark_4 = int(pyspark.partition(".")[0]) >= 4 if pyspark else python >= (3, 13)
    return RUNTIMES["2.0" if is_spark_4 else "1.3"]


def difference_of_import(
    name: str, version_of: VersionOf = installed_version, python: tuple[int, int] = sys.version_info[:2]
) -> str:
    """What a cell has to know that imports it; empty where it is not installed, is none of the runtime's, or has its major."""
    distribution = distribution_of(name)
    runtime = runtime_of(version_of("pyspark"), python)
    here, there = version_of(distribution), runtime.versions.get(distribution)
    if here is None or there is None or _compared(distribution, here) == _compared(distribution, there):
        return ""
    return f"{distribution} {here} here, {there} in Fabric's {runtime.name}"


def session_differences(
    version_of: VersionOf = installed_version, python: tuple[int, int] = sys.version_info[:2]
) -> str:
    """Of what every session runs with, as one sentence; empty where nothing differs."""
    runtime = runtime_of(version_of("pyspark"), python)
    here = {"python": ".".join(map(str, python)), **{one: version_of(one) or "" for one in SESSION_PACKAGES}}
    there = {"python": runtime.python, **runtime.versions}
    differing = [
        f"{name} {version} (there {there[name]})"
        for name, version in here.items()
        if version and _compared(name, version) != _compared(name, there[name])
    ]
    return f"Not as in Fabric's {runtime.name}: {', '.join(differing)}." if differing else ""


def _compared(name: str, version: str) -> list[str]:
    return version.split(".")[: _PARTS_COMPARED.get(name, 2 if version.startswith("0.") else 1)]
