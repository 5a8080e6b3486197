"""Factor III: what its rules find, and what they must leave alone."""

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.model import Severity
from twelve.audit.rules import f03_config

RULES = {rule.id: rule for rule in f03_config.RULES.rules}
SECRET = "hardcoded-secret"
PEM = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA04up8hoqzS1XrLkb" * 2 + "\n"
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def hits(rule, files):
    return [(one.path, one.line, one.severity.value) for one in findings(Codebase.of(files), [RULES[f"TF03-{rule}"]])]


FOUND = [
    (SECRET, {"app.js": "app.use(session({ secret: 'keyboard cat' }))"}, "error"),
    (SECRET, {"app.js": "const token = jwt.sign({ id: user.id }, 'shhh')"}, "error"),
    (SECRET, {"app.py": "token = jwt.encode(payload, 'shhh', algorithm='HS256')"}, "error"),
    (SECRET, {"config.py": "app.config['SECRET_KEY'] = 'random'"}, "error"),
    (SECRET, {"config.py": "app.config.from_mapping(SECRET_KEY='dev')"}, "error"),
    (SECRET, {"all.js": 'module.exports = { cookieSecret: "session_cookie_secret_key_here" }'}, "error"),
    (SECRET, {"config/env/development.js": 'x = { zapApiKey: "v9dn0balpqas1pcc281tn5ood1" }'}, "warning"),
    (SECRET, {"server.env.template": "FXA_SECRET_KEY=e43fd751ca5687d28288098e3e9b1294"}, "warning"),
    (SECRET, {"application.properties": "spring.datasource.password=Qx7-91kd-Zz3"}, "error"),
    (SECRET, {"main.go": 'const jwtSecret = "supersecretvalue"'}, "error"),
    (SECRET, {"app.rb": "set :session_secret, 'x'\nSECRET_TOKEN = 'kf83-jd82-ls92'"}, "error"),
    (SECRET, {"src/App.java": 'String apiKey = "8f7d6s5a4f3d2s1a";'}, "error"),
    (SECRET, {"db/seeds.js": 'x = { password: "Admin_123" }'}, "info"),
    ("known-token", {"a.py": f"x = '{TOKEN}'"}, "error"),
    ("private-key-file", {"key.pem": PEM}, "error"),
    ("private-key-file", {"app.py": f"KEY = '''{PEM}'''"}, "error"),
    ("private-key-file", {"certs/store.p12": ""}, "error"),
    ("insecure-default", {"a.js": "const s = process.env.JWT_SECRET || 'hush'"}, "error"),
    ("insecure-default", {"application.properties": "jwt.secret=${JWT_SECRET:hush}"}, "error"),
    ("insecure-default", {"a.rb": "ENV.fetch('SECRET_KEY_BASE', 'hush')"}, "error"),
    ("insecure-default", {"a.go": 'k := os.Getenv("API_KEY")\nif k == "" {\n  k = "hush"\n}'}, "error"),
    ("insecure-default", {"a.py": "import os\nif DEBUG:\n    K = os.environ.get('SECRET_KEY', 'dev')"}, "info"),
    ("secret-fallback", {"a.js": "const s = process.env.JWT_SECRET || process.env.SECRET_KEY"}, "warning"),
    ("random-secret-default", {"a.py": "import os\nK = os.environ.get('SECRET_KEY') or secrets.token_hex()"}, "warning"),
    ("random-secret-default", {"a.js": "const s = { secret: crypto.randomBytes(20).toString('hex') }"}, "warning"),
    ("env-file-committed", {".env": "TIMES=10"}, "info"),
    ("env-file-committed", {".env": "DB_PASSWORD=hunter"}, "warning"),
    ("env-file-committed", {".env": "DATABASE_URL=postgres://a:Qx791kdZz3@db/x"}, "error"),
    ("example-env-loaded", {"a.js": "require('dotenv').config({ path: '.env.example' })"}, "error"),
    ("example-env-loaded", {"Procfile": "web: cp .env.example .env && gunicorn app:app"}, "error"),
    ("env-groups", {"a.py": "import os\nx = configs[os.environ.get('FLASK_ENV', 'development')]"}, "warning"),
    ("env-groups", {"a.py": "import os\nenv = os.environ['APP_ENV']\nx = import_module(f'settings.{env}')"}, "warning"),
    ("env-groups", {"settings/prod.py": "HOST = 'db.shop.com'", "settings/dev.py": ""}, "warning"),
    ("env-groups", {"application-prod.yml": "x: 1", "application-dev.yml": "x: 2"}, "info"),
    ("platform-sniff", {"a.js": "if (process.env.DYNO) { x() }"}, "warning"),
    ("config-file-required", {"a.py": "from .local_settings import *"}, "warning"),
    ("config-file-required", {"a.js": "const c = require('./config.json')"}, "warning"),
    ("debug-on", {"settings.py": "DEBUG = True"}, "error"),
    ("debug-on", {"settings.py": "DEBUG = True", "prod.py": "DEBUG = False"}, "info"),
    ("debug-on", {"settings.py": "from h import get_bool_from_env\nDEBUG = get_bool_from_env('DEBUG', True)"}, "warning"),
    ("debug-on", {"Dockerfile": "FROM a:1\nENV FLASK_DEBUG=1\nCMD flask run"}, "error"),
    ("hardcoded-hostname", {"settings.py": "ALLOWED_HOSTS = [\n    'www.shop.com',\n]"}, "warning"),
    ("secret-in-image", {"Dockerfile": "FROM a:1\nENV API_KEY=8f7d6s5a4f3d"}, "error"),
    ("secret-in-image", {"Dockerfile": "FROM a:1\nCOPY --chown=a:a ./docker/config/server.env .env"}, "error"),
    ("secret-in-manifest", {"compose.yml": "services:\n  db:\n    environment:\n      DB_PASSWORD: postgres"}, "info"),
    ("secret-in-manifest", {"compose.prod.yml": "services:\n  a:\n    environment:\n      - API_KEY=abcdef"}, "warning"),
    ("secret-in-manifest", {"app.json": '{"env": {"ADMIN_PASSWORD": {"value": "letmein"}}}'}, "warning"),
    ("secret-in-log", {"a.js": "console.log(util.inspect(config, false, null))"}, "warning"),
    ("secret-in-log", {"a.py": "logger.info('all: %s', os.environ)"}, "warning"),
    # as people write it
    (SECRET, {"config.py": "SECRET_KEY = 'hard to guess string'"}, "error"),
    (SECRET, {"a.py": "from jose import jwt\nJWT_SECRET = 'secret'"}, "error"),
    (SECRET, {"a.py": "server.login('shop@gmail.com', 'abcd-efgh-1234')"}, "error"),
    (SECRET, {"a.py": "requests.get(url, auth=('admin', 'S3cr3t-Pa55'))"}, "error"),
    (SECRET, {"a.py": "url = 'https://api.shop.com/data?appid=3f2b8c1d9e7a4f6b0c5d8e1a2b3c4d5e'"}, "error"),
    (SECRET, {"a.js": "app.use(cookieParser('my-cookie-secret-2020'))"}, "error"),
    (SECRET, {"a.js": "app.use(cookieSession({ name: 'x', keys: ['key1', 'key2'] }))"}, "error"),
    (SECRET, {"a.ts": "super({ jwtFromRequest: x, secretOrKey: 'topSecret51' })"}, "error"),
    (SECRET, {"a.js": "createTransport({ auth: { user: 'a@gmail.com', pass: 'kd82Lxj2qq' } })"}, "error"),
    (SECRET, {"a.rb": "set :session_secret, 'super secret'"}, "error"),
    (SECRET, {"a.go": 'var jwtKey = []byte("my_secret_key")'}, "error"),
    (SECRET, {"a.go": 'store := cookie.NewStore([]byte("secret"))'}, "error"),
    (SECRET, {"A.java": 'DriverManager.getConnection(url, "root", "kd82Lxj2qq");'}, "error"),
    ("insecure-default", {"a.py": "import os\ntry:\n    SECRET_KEY = os.environ['SECRET_KEY']\nexcept KeyError:\n"
                                  "    SECRET_KEY = 'abc123-dev'"}, "error"),
    ("insecure-default", {"a.py": "env = environ.Env(SECRET_KEY=(str, 'insecure-k3y'))"}, "error"),
    ("insecure-default", {"a.js": "const s = process.env.API_KEY ? process.env.API_KEY : 'hush'"}, "error"),
    ("insecure-default", {"a.js": "let s = process.env.API_KEY\nif (!s) {\n  s = 'hush'\n}"}, "error"),
    ("insecure-default", {"a.ts": "x = configService.get<string>('JWT_SECRET', 'hush')"}, "error"),
    ("insecure-default", {"a.rb": "s = ENV['API_KEY'].presence || 'hush'"}, "error"),
    ("insecure-default", {"config/database.yml": "production:\n  password: <%= ENV.fetch('DB_PASSWORD', 'letmein1') %>"},
     "error"),
    ("insecure-default", {"a.go": 's, ok := os.LookupEnv("API_KEY")\nif !ok {\n  s = "hush"\n}'}, "error"),
    ("insecure-default", {"A.java": '@Value("${jwt.secret:hushhush}")'}, "error"),
    ("insecure-default", {"config/database.yml": "development:\n  password: <%= ENV.fetch('DB_PASSWORD', 'x1') %>\n"
                          "production:\n  password: <%= ENV['DB_PASSWORD'] %>"}, "info"),
    ("random-secret-default", {"a.rb": "set :session_secret, SecureRandom.hex(64)"}, "warning"),
    ("random-secret-default", {"a.py": "class S:\n    SECRET_KEY: str = secrets.token_urlsafe(32)"}, "warning"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "files", "severity"), FOUND)
def test_it_is_found(rule, files, severity):
    assert [one[2] for one in hits(rule, files)] == [severity]


LEFT_ALONE = [
    (SECRET, {"labels.ts": "const labels = { secret: 'Geheim' }"}, "a label"),
    (SECRET, {"values.yaml": "existingSecret: my-app-secret-2"}, "a reference"),
    (SECRET, {"app.py": "token = jwt.encode(payload, settings.SECRET_KEY, algorithm='HS256')"}, "no literal"),
    (SECRET, {"app.py": "jwt.encode({'id': self.id, 'exp': time() + 6}, config['SECRET_KEY'], 'HS256')"}, "no literal"),
    (SECRET, {"models.py": "class User:\n    password = db.Column(db.String(128))"}, "an ORM column"),
    (SECRET, {"a.py": "PASSWORD = 'password'\nTOKEN_TYPE = 'b3arer-tok3n-x1'"}, "names, not secrets"),
    (SECRET, {"a.py": '"""Set SECRET_KEY = \'k3jh5-9fds7-2hkq8\' first."""'}, "a docstring"),
    (SECRET, {"a.py": "# SECRET_KEY = 'k3jh5-9fds7-2hkq8'"}, "a comment"),
    (SECRET, {"a.js": "// cookieSecret: 'k3jh5-9fds7-2hkq8'"}, "a comment"),
    (SECRET, {"tests/settings.py": "SECRET_KEY = 'k3jh5-9fds7-2hkq8'"}, "a test's"),
    (SECRET, {"a.py": "return {'Password': 'Updated.'}"}, "a message"),
    (SECRET, {"a.py": "x = {'password': 'Your password has 1 digit'}"}, "a message"),
    (SECRET, {"a.js": "const tokenUrl = 'https://a.example.org/oauth2/token'"}, "an address"),
    (SECRET, {"a.yml": "password: ${DB_PASSWORD}"}, "a reference"),
    (SECRET, {"locales/de.json": '{"secret": "Geheimnis", "api_key": "Schluessel-123"}'}, "a translation"),
    (SECRET, {"server.env.template": "SECRET_KEY=insert_random_key_at_least_32_bytes"}, "a placeholder"),
    (SECRET, {"a.py": "PRIMARY_KEY = 'a1b2c3d4e5f6'\nCACHE_KEY = 'abc-123-def-456'"}, "other keys"),
    (SECRET, {"a.py": "if password == 'k3jh5-9fds7-2hkq8':\n    pass"}, "a comparison"),
    ("known-token", {"a.py": "x = 'AKIAIOSFODNN7EXAMPLE'"}, "an example"),
    ("known-token", {"a.py": "x = 'ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'"}, "a placeholder"),
    ("known-token", {"docs/a.md": TOKEN}, "in docs"),
    ("private-key-file", {"tests/server.key": PEM}, "a test's"),
    ("private-key-file", {"a.py": "if text.startswith('-----BEGIN RSA PRIVATE KEY-----'):\n    pass"}, "a mark"),
    ("insecure-default", {"a.py": "import os\nSECRET_KEY = os.environ['SECRET_KEY']"}, "required"),
    ("insecure-default", {"a.py": "import os\nK = os.environ.get('API_KEY', '')"}, "empty"),
    ("insecure-default", {"a.py": "import os\nK = os.environ.get('PASSWORD_FILE', '/run/secrets/x')"}, "a path"),
    ("secret-fallback", {"a.py": "import os\nP = os.environ.get('MAIL_PASSWORD', os.environ.get('SENDGRID_PASSWORD'))"},
     "another name of the same"),
    ("random-secret-default",
     {"a.py": "import os\nK = os.environ.get('SECRET_KEY')\nif not K and DEBUG:\n    K = get_random_secret_key()"},
     "while debugging"),
    ("random-secret-default", {"a.py": "reset_token = secrets.token_hex()"}, "no key"),
    ("env-file-committed", {".env.example": "A=1", ".env.test": "A=1"}, "examples"),
    ("env-groups", {"config.js": "const level = process.env.NODE_ENV === 'production' ? 'info' : 'debug'"}, "a level"),
    ("env-groups", {"a.js": "const env = process.env.NODE_ENV\nconsole.log('env', env)"}, "no choice"),
    ("env-groups", {"config/environments/production.rb": "x", "config/environments/test.rb": "x"}, "how Rails is"),
    ("env-branch-in-code", {"a.js": "if (process.env.NODE_ENV === 'production') { app.set('trust proxy', 1) }"}, ""),
    ("platform-sniff", {"a.js": "const id = process.env.DYNO\nlog(id)"}, "a label"),
    ("config-file-required", {"a.py": "try:\n    from .local_settings import *\nexcept ImportError:\n    pass"}, ""),
    ("config-file-required", {"a.js": "const c = require('./config.json')", "config.json": "{}"}, "it is there"),
    ("debug-on", {"settings.py": "class DevelopmentConfig:\n    DEBUG = True"}, "development's"),
    ("debug-on", {"settings.py": "import os\nDEBUG = os.environ.get('DEBUG', 'False') != 'False'"}, "off"),
    ("hardcoded-hostname", {"settings.py": "ALLOWED_HOSTS = ['localhost']\n# ADMINS = ['a@shop.com']"}, ""),
    ("secret-in-image", {"Dockerfile": "FROM a:1\nARG SECRET_KEY=dummy\nRUN SECRET_KEY=dummy x"}, "for the build"),
    ("secret-in-image", {"Dockerfile": "FROM a:1 AS b\nENV API_KEY=8f7d6s5a4f3d\nFROM c:1\nCMD x"}, "another stage"),
    ("secret-in-image", {"Dockerfile": "FROM a:1\nCOPY .env.example /\nENV API_KEY=$API_KEY"}, "no value"),
    ("secret-in-log", {"a.py": "logger.info('config loaded')\nprint(sorted(os.environ))"}, "no values"),
    ("env-undocumented", {"a.py": "import os\nos.environ['MAIL_KEY']", "README.md": "Set MAIL_KEY."}, "in the README"),
    # as people write it
    (SECRET, {"a.js": "const schema = { password: 'string|min:8', token: 'required|uuid4' }"}, "a rule"),
    (SECRET, {"a.py": "user = User.login(email, 'password-hash-1')"}, "another login"),
    (SECRET, {"a.py": "url = 'https://api.shop.com/?api_key=YOUR_API_KEY_GOES_HERE'"}, "a placeholder"),
    (SECRET, {"a.py": "fields = {'secret_key': 'Secret key'}"}, "a label"),
    (SECRET, {"a.ts": "export const JWT_SECRET = 'JWT_SECRET' // jwt"}, "a name"),
    (SECRET, {"a.go": 'token.SignedString([]byte(os.Getenv("JWT_SECRET")))'}, "no literal"),
    (SECRET, {"a.rb": "set :session_secret, ENV.fetch('SESSION_SECRET')"}, "no literal"),
    ("insecure-default", {"a.js": "let s = process.env.API_KEY\nif (!s) { throw new Error('x') }"}, "required"),
    ("insecure-default", {"a.go": 's, ok := os.LookupEnv("API_KEY")\nif !ok {\n  log.Fatal("no")\n}'}, "required"),
    ("random-secret-default", {"a.js": "const sessionKey = crypto.randomUUID()"}, "one visitor's"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "files", "why"), LEFT_ALONE)
def test_it_is_left_alone(rule, files, why):
    assert hits(rule, files) == [], why


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "No .env.example or app.json names MAIL_KEY, which the code reads."),
        ({".env.example": "A=\n"}, "It does not name MAIL_KEY, which the code reads (a.py:2)."),
    ],
)
def test_where_a_variable_is_missing_is_told(files, told):
    code = Codebase.of({"a.py": "import os\nos.environ['MAIL_KEY']\n"} | files)
    assert told in [one.message for one in findings(code, [RULES["TF03-env-undocumented"]])]


def test_what_holds_only_where_a_file_is_run_by_hand_is_no_more_than_noted():
    files = {"Procfile": "web: gunicorn app:app", "app.py": "if __name__ == '__main__':\n    app.run(debug=True)"}
    assert hits("debug-on", files) == [("app.py", 2, "info")]


@pytest.mark.parametrize("rule", RULES)
def test_a_message_never_repeats_a_secret(rule):
    shown = "k3jh5-9fds7-2hkq8"
    files = {
        "settings.py": f"import os\nSECRET_KEY = '{shown}'\nK = os.environ.get('API_KEY', '{shown}')",
        ".env": f"API_KEY={shown}\nDATABASE_URL=postgres://a:{shown}@b/c",
        "Dockerfile": f"FROM a:1\nENV API_KEY={shown}",
        "app.json": f'{{"env": {{"API_KEY": "{shown}"}}}}',
        "compose.yml": f"services:\n  a:\n    environment:\n      API_KEY: {shown}",
    }
    found = findings(Codebase.of(files), [RULES[rule]])
    assert not any(shown in one.message for one in found)
    assert not any(one.severity is Severity.ERROR and not one.line and one.path != ".env" for one in found)


HOSTILE = {
    "settings.py": "DEBUG = = True\nSECRET_KEY",
    "app.json": '{"env": [1, 2], "x": {"env": null}}',
    "compose.yml": "services: [1, {environment: 3}]\nversion: {a: [b",
    "k8s.yaml": "kind: [Deployment]\nspec: 5\n---\n- a\n---\nkind: Deployment\nspec: {env: [{name: [a], value: {}}]}",
    ".env": "=\n=x\n\ufffd\x01",
    "Dockerfile": "FROM\nENV\nARG =\nCOPY .env\nCOPY",
    "a.js": "process.env.\nprocess.env[`${x}`] || \nconst {{ = process.env",
    "application.properties": "${:}\n${A:${B:c}}",
    "x.go": 'os.Getenv("',
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_broken_files_break_no_rule(rule):
    findings(Codebase.of(HOSTILE), [RULES[rule]])
    findings(Codebase.of(dict.fromkeys(HOSTILE, "")), [RULES[rule]])
