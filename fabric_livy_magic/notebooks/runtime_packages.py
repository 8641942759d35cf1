"""All Python packages of Fabric's runtimes, by the names that pip has. Data, and one question about it.

From the same files of Microsoft's as the versions in `fabric_runtime`; what conda calls otherwise has pip's name here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from fabric_livy_magic.notebooks.fabric_runtime import FabricRuntime

PACKAGES: Mapping[str, str] = {
    "Runtime 1.3": """
absl-py accelerate adlfs aiohttp aiosignal alabaster alembic anyio appdirs archspec argon2-cffi argon2-cffi-bindings
arrow asgiref asn1crypto astor astropy asttokens async-generator async-lru async-timeout attrs autopep8 azure-core
azure-datalake-store azure-identity azure-keyvault azure-storage azure-storage-blob azure-storage-file-datalake
azureml-synapse babel backports bcrypt beautifulsoup4 binaryornot bitarray bkcharts black bleach blinker bokeh boltons
boto bottleneck brotli-python cached-property catboost certifi cffi chardet charset-normalizer chat-magics
chat-magics-fabric click cloudpickle clr-loader cmdstanpy colorama colorlog comm conda-package-handling
conda-package-streaming configparser contextlib2 contourpy convertdate cookiecutter cryptography cycler cython cytoolz
daal4py dash dash-core-components dash-cytoscape dash-html-components dash-table dask dask-core dataclasses datasets
debugpy decorator defusedxml dill distlib distributed distro django docker docutils ds-copilot dscopilot-installer
entrypoints et-xmlfile executing fabric-connection fastcache fastjsonschema filelock flake8 flaml flask flit flit-core
flt-python fluent-logger fonttools frozenlist fsspec fsspec-wrapper future geoanalytics-fabric geographiclib geopy
gevent gitdb gitpython glob2 gmpy2 graphviz greenlet gson hcrystalball heapdict holidays html5lib huggingface-hub idna
imagecodecs imageio imagesize importlib-metadata importlib-resources impulse-python-handler inflection iniconfig
interpret interpret-core intervaltree ipykernel ipython ipython-genutils ipywidgets isodate itsdangerous
jaraco.classes jedi jeepney jinja2 joblib joblibspark json-tricks json5 jsonpatch jsonpointer jsonschema
jsonschema-specifications jupyter-client jupyter-console jupyter-core jupyter-events jupyter-lsp jupyter-server
jupyter-server-terminals jupyter-ui-poll jupyterlab jupyterlab-pygments jupyterlab-server jupyterlab-widgets keyring
kiwisolver kqlmagiccustom lazy-loader lazy-object-proxy liac-arff libarchive-c libmambapy library-metadata-cooker lief
lightgbm lightning-utilities llvmlite lmdb locket lunardate lxml lz4 mako markdown markdown-it-py markupsafe
matplotlib matplotlib-inline mccabe mdurl menuinst minio mistune mkl-fft mkl-random mkl-service mlflow-skinny mock
more-itertools mpmath msal msal-extensions msgpack msrest multidict multipledispatch multiprocess munkres mypy
mypy-extensions nbclassic nbclient nbconvert nbformat nest-asyncio networkx ninja nltk nni nose notebook notebook-shim
notebookutils numba numexpr numpy numpydoc nvidia-ml-py oauthlib olefile openml openpyxl optuna overrides packaging
pandas pandasnet pandasql pandocfilters paramiko parso partd path path.py pathlib2 pathspec patsy pep8 pexpect
pickleshare pillow pip pkginfo platformdirs plotly pluggy ply portalocker powerbiclient prettytable prometheus-client
prompt-toolkit prophet prose-pandas2pyspark prose-suggestions protobuf psutil ptyprocess pure-eval py-cpuinfo py4j
pyarrow pycodestyle pycosat pycparser pycurl pydocstyle pyerfa pyflakes pygments pyjwt pyluach pymeeus pynacl pyodbc
pyopenssl pyparsing pyperclip pyqt5 pyqt5-sip pyrsistent pysocks pyspark pytest python-dateutil python-json-logger
python-slugify pythonnet pythonwebhdfs pytorch-lightning pytz pywavelets pyyaml pyzmq qdarkstyle qstylizer qtawesome
qtconsole qtpy referencing regex requests requests-oauthlib responses retrying rfc3339-validator rfc3986-validator
rgf-python rich rouge-score rpds-py rtree ruamel.yaml ruamel.yaml.clib safetensors salib schema scikit-build
scikit-image scikit-learn scikit-learn-intelex scipy seaborn secretstorage semantic-link-sempy send2trash seqeval
setuptools shap simplegeneric simplejson singledispatch sip six slicer smmap sniffio snowballstemmer sortedcollections
sortedcontainers soupsieve spark-mssql-connector-fabric35 sphinx sphinxcontrib sphinxcontrib-websupport sqlalchemy
sqlanalyticsfabricconnectorpy sqlparse stack-data statsmodels sympy synapseml-cognitive synapseml-core
synapseml-deep-learning synapseml-internal synapseml-lightgbm synapseml-mlflow synapseml-opencv synapseml-utils
synapseml-vw tables tblib tenacity tensorboardx terminado testpath text-unidecode textdistance thop threadpoolctl
tifffile tinycss2 tokenizers toml tomli tomli-w toolz torch torchdata torchmetrics tornado tqdm traitlets transformers
truststore typed-ast typeguard typing-extensions tzdata ujson unicodecsv unidecode urllib3 virtualenv wcwidth
webencodings websocket-client websockets werkzeug wheel whichcraft widgetsnbextension workalendar wrapt xgboost xlrd
xlsxwriter xlwt xmltodict xxhash xyzservices yapf yarl zict zipp zope zope.event zope.interface zstandard
""",
    "Runtime 2.0": """
absl-py adlfs aiohappyeyeballs aiohttp aiosignal alembic amqp annotated-doc annotated-types anyio asttokens attrs
azure-core azure-datalake-store azure-identity azure-keyvault-secrets azure-storage-blob azure-storage-file-datalake
azureml-synapse backports.zstd billiard boto3 botocore brotli-python cachetools catboost celery certifi cffi
charset-normalizer click click-didyoumean click-plugins click-repl cloudpickle clr-loader cmdstanpy colorama colorlog
comm contourpy convertdate cryptography cycler databricks-sdk debugpy decorator defusedxml deprecated distlib
dnspython email-validator et-xmlfile exceptiongroup executing fabric-analytics-notebook-plugin fabric-analytics-sdk
fastapi fastapi-cli fastar fastjsonschema filelock flaml flask flt-python fluent-logger fonttools frozenlist fsspec
fsspec-wrapper geoanalytics-fabric gitdb gitpython google-auth graphviz greenlet gson h11 h2 hcrystalball holidays
hpack httpcore httptools httpx hyperframe idna importlib-metadata importlib-resources impulse-python-handler ipykernel
ipython ipython-pygments-lexers ipywidgets isodate itsdangerous jedi jinja2 jmespath joblib joblibspark jsonschema
jsonschema-specifications jupyter-client jupyter-core jupyter-ui-poll jupyterlab-widgets kiwisolver kombu
kqlmagiccustom library-metadata-cooker lightgbm lunardate mako markdown-it-py markupsafe matplotlib matplotlib-inline
mdurl mlflow-skinny msal msal-extensions msgpack multidict munkres mypy mypy-extensions narwhals nbformat
nest-asyncio2 nltk notebookutils numpy openpyxl opentelemetry-api opentelemetry-sdk opentelemetry-semantic-conventions
optuna packaging pandas pandasnet pandasql parso pathspec patsy pexpect pillow pip platformdirs plotly portalocker
powerbiclient prompt-toolkit propcache prophet prose-pandas2pyspark prose-suggestions protobuf psutil ptyprocess
pure-eval py4j pyarrow pyasn1 pyasn1-modules pycparser pydantic pydantic-core pydantic-extra-types pydantic-settings
pydeequ pygments pyjwt pyluach pymeeus pyodbc pyparsing pyside6 pysocks pyspark python-dateutil python-discovery
python-dotenv python-librt python-multipart pythonnet pytz pyu2f pyyaml pyzmq referencing regex requests rgf-python
rich rich-toolkit rouge-score rpds-py rsa ruamel.yaml ruamel.yaml.clib s3transfer scikit-learn scipy seaborn
semantic-link-sempy setuptools shellingham six smmap sniffio spark-mssql-connector-fabric41 sqlalchemy
sqlanalyticsfabricconnectorpy sqlparse stack-data stanio starlette statsmodels synapseml synapseml-internal
synapseml-mlflow synapseml-utils tenacity threadpoolctl tomli tornado tqdm traitlets typer typing-extensions
typing-inspection tzdata urllib3 uvicorn uvloop vine virtualenv watchfiles wcwidth websockets werkzeug
widgetsnbextension workalendar wrapt xgboost xlrd yarl zipp
""",
}
# Packages of Microsoft's own channel, of which each brings several.
SEVERAL = {"Runtime 1.3": ("azure-common", "azure-core", "azure-identity", "azure-keyvault", "azure-storage")}


def has_package(runtime: FabricRuntime, distribution: str) -> bool:
    name = distribution.lower().replace("_", "-")
    return name in _names(runtime.name) or name.startswith(SEVERAL.get(runtime.name, ("\0",)))


@cache
def _names(runtime: str) -> frozenset[str]:
    return frozenset(PACKAGES[runtime].split())
