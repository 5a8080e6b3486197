"""What the rules by text must tell apart in JavaScript, Ruby, Go and Java: code, and what only quotes it."""

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.model import Severity
from twelve.audit.rules import all_rules, f07_port_binding

RULES = {rule.id: rule for rule in all_rules()}
NODE = {
    "Procfile": "web: node app.js\n",
    "package.json": '{"dependencies": {"express": "4.18.2"}, "scripts": {"start": "node app.js"}}',
}
GEMS = {"Procfile": "web: bundle exec puma -p $PORT\n", "Gemfile": "gem 'sinatra'\ngem 'puma'\n"}
POM = "<project><artifactId>spring-boot-maven-plugin</artifactId></project>"


def js(text):
    return {**NODE, "app.js": text}


def rb(text, **more):
    return {**GEMS, "app.rb": text, **more}


def go(text):
    main = f"package main\n\nfunc main() {{\n{text}}}\n"
    return {"go.mod": "module x\n\ngo 1.22\n", "Procfile": "web: bin/x\n", "main.go": main}


def java(text):
    return {"pom.xml": POM, "src/main/java/A.java": f"class A {{\n{text}}}\n"}


def found(rule, files):
    made = findings(Codebase.of(files), [RULES[rule]])
    return [(one.path, one.line) for one in made if one.severity is not Severity.INFO]


@pytest.mark.parametrize(
    ("rule", "files"),
    [
        ("TF03-hardcoded-secret", js("const config = {\n  apiKey:\n    'a8s7d6f5g4h3j2k1',\n}\n")),  # multiline
        ("TF03-insecure-default", js("const s = process.env.JWT_SECRET\n  || 'hunter2hunter2'\n")),  # multiline or
        ("TF03-insecure-default", js("const { JWT_SECRET = 'hunter2hunter2' } = process.env\n")),  # destructured
        ("TF07-port-hardcoded", js("const http=require('http');\nhttp.createServer(h).listen(\n  3000,\n  () => console.log('up'),\n)\n")),  # multi-line listen
        ("TF07-port-hardcoded", js('const express=require(\'express\');const app=express();\nconst re=/["\']/;\napp.listen(3000)\n')),  # regex with quote before
        ("TF07-port-hardcoded", js("const express=require('express');const app=express();\nconst re=/\\/\\*/;\napp.listen(3000)\n")),  # regex with comment opener
        ("TF07-port-hardcoded", js("const express=require('express');const app=express();\nconst s=`a ${ x ? `b` : 'c' } d`\napp.listen(3000)\n")),  # nested template
        ("TF06-inmemory-session", js("const session=require('express-session')\napp.use(session({\n  secret: process.env.S, // store: none\n}))\n")),  # store in comment
        ("TF11-file-handler", js("const winston=require('winston')\nwinston.add(new winston\n  .transports.File({ filename: 'a.log' }))\n")),  # multiline transport
        ("TF12-http-admin-endpoint", js("router.post(\n  '/reset',\n  async (req, res) => {\n    await sequelize.sync({\n      force: true,\n    })\n  })\n")),  # multiline
        ("TF12-http-admin-endpoint", js("router.post('/admin/reset', async (req, res) => { await sequelize.sync({force: true}) })\n")),  # admin in path only
        ("TF12-http-admin-endpoint", js("router.post('/x', async (req, res) => { log('admin', req); await sequelize.sync({force: true}) })\n")),  # admin in string
        ("TF09-no-sigterm", js("const http=require('http')\n// process.on('SIGTERM', f)\nhttp.createServer(h).listen(process.env.PORT)\n")),  # handler in comment
        ("TF04-hardcoded-backing-service", js("mongoose.connect(\n  `mongodb://db.shop.com:27017/shop`)\n")),  # template url
        ("TF02-shell-out-system-tool", js("const cp=require('child_process')\ncp.execSync(\n  `convert ${a} b.png`\n)\n")),  # multiline template exec
        ("TF03-hardcoded-secret", rb("set :session_secret, 'x'\nAPI_KEY = 'a8s7d6f5g4h3j2k1'\n")),  # rb plain
        ("TF03-hardcoded-secret", rb('x = "a#{b("c")}d"\nAPI_KEY = \'a8s7d6f5g4h3j2k1\'\n')),  # rb nested interp
        ("TF03-insecure-default", rb("s = ENV.fetch('SECRET_KEY') { 'hunter2hunter2' }\n")),  # rb block
        ("TF03-insecure-default", rb("s = ENV.fetch(\n  'SECRET_KEY',\n  'hunter2hunter2'\n)\n")),  # rb multiline
        ("TF11-file-handler", rb("logger = Logger.new(\n  'log/app.log'\n)\n")),  # rb logger multiline
        ("TF02-shell-out-system-tool", rb("x = `convert a b`\n")),  # rb backtick
        ("TF02-shell-out-system-tool", rb("system('convert',\n  'a', 'b')\n")),  # rb system multi
        ("TF02-shell-out-system-tool", rb("out = %x(convert a b)\n")),  # rb %x
        ("TF07-port-hardcoded", go('\thttp.ListenAndServe(\n\t\t":8080",\n\t\tnil,\n\t)\n')),  # go multiline
        ("TF07-port-hardcoded", go('\tserver := &http.Server{\n\t\tAddr: ":8080",\n\t}\n\tserver.ListenAndServe()\n')),  # go Addr
        ("TF09-no-sigterm", go('\t// signal.Notify(c, syscall.SIGTERM)\n\thttp.ListenAndServe(":"+os.Getenv("PORT"), nil)\n')),  # go notify comment
        ("TF04-hardcoded-backing-service", go('\tdb, _ := sql.Open("postgres",\n\t\t"postgres://app:s3cr3t@db.shop.com/shop")\n')),  # go dsn
        ("TF03-hardcoded-secret", go('\tvar apiKey string = "a8s7d6f5g4h3j2k1"\n')),  # go typed
        ("TF03-hardcoded-secret", go('\tconst r = \'"\'\n\tapiKey := "a8s7d6f5g4h3j2k1"\n')),  # go rune quote
        ("TF02-shell-out-system-tool", go('\texec.Command(\n\t\t"convert", a)\n')),  # go exec multi
        ("TF03-hardcoded-secret", java('  private static final String API_KEY =\n      "a8s7d6f5g4h3j2k1";\n')),  # java multi
        ("TF03-hardcoded-secret", java('  char q = \'"\';\n  String apiKey = "a8s7d6f5g4h3j2k1";\n')),  # java char quote
        ("TF11-file-handler", java('  Handler h = new\n   FileHandler("a.log");\n')),  # java multi
        ("TF12-startup-ddl", java('  void init() { jdbc.execute(\n "CREATE TABLE x (a int)"); }\n')),  # java ddl
        ("TF12-startup-ddl", java('  void init() { jdbc.execute("""\n   CREATE TABLE x (a int)\n  """); }\n')),  # java ddl text block
        ("TF04-hardcoded-backing-service", java('  Connection c = DriverManager.getConnection(\n    "jdbc:postgresql://db.shop.com/shop");\n')),  # java jdbc
        ("TF02-shell-out-system-tool", java('  new ProcessBuilder(\n    "convert", a).start();\n')),  # java pb
    ],
)  # fmt: skip
def test_code_is_found_however_it_is_written(rule, files):
    assert found(rule, files)


@pytest.mark.parametrize(
    ("rule", "files"),
    [
        ("TF03-hardcoded-secret", js("// const secretKey = 'a8s7d6f5g4h3j2k1'\n")),  # comment
        ("TF03-hardcoded-secret", js("const help = `Set API_KEY = 'a8s7d6f5g4h3j2k1' in your shell`\n")),  # template literal
        ("TF03-hardcoded-secret", js("const re = /apiKey = 'a8s7d6f5g4h3j2k1'/\n")),  # regex literal
        ("TF03-insecure-default", js('const msg = "process.env.SECRET_KEY || \'changeme\'"\n')),  # in string
        ("TF07-port-hardcoded", js("const http=require('http');\n// http.createServer().listen(3000)\nhttp.createServer().listen(process.env.PORT)\n")),  # comment listen
        ("TF07-port-hardcoded", js("const http=require('http');\nconst url = 'http://x/a' // not a comment start inside: //\nhttp.createServer(h).listen(process.env.PORT || 3000)\n")),  # url with //
        ("TF07-port-hardcoded", js("const express=require('express');const app=express();\nconst doc=`\napp.listen(3000)\n`\napp.listen(process.env.PORT)\n")),  # listen in template
        ("TF06-inmemory-session", js("const session=require('express-session')\napp.use(session({\n  secret: process.env.S,\n  store: new RedisStore({client}),\n}))\n")),  # store
        ("TF11-file-handler", js("const winston=require('winston')\nconst t = 'new winston.transports.File({filename})'\n")),  # in string
        ("TF12-http-admin-endpoint", js("app.get('/x', (q, r) => {\n  // db.dropDatabase()\n  r.end()\n})\n")),  # comment drop
        ("TF12-http-admin-endpoint", js("app.get('/x', (q, r) => r.end('call db.dropDatabase() by hand'))\n")),  # string drop
        ("TF12-http-admin-endpoint", js("router.post('/admin/reset', requireAdmin, async (req, res) => { await sequelize.sync({force: true}) })\n")),  # guarded
        ("TF09-no-sigterm", js("const http=require('http')\nconst s=http.createServer(h).listen(process.env.PORT)\nfor (const sig of ['SIGTERM', 'SIGINT']) process.on(sig, () => s.close())\n")),  # loop of signals
        ("TF04-hardcoded-backing-service", js("// mongodb://db.shop.com/x\nconst u = process.env.MONGO_URL\n")),  # comment
        ("TF04-hardcoded-backing-service", js("mongoose.connect(`mongodb://${process.env.HOST}:27017/shop`)\n")),  # interpolated
        ("TF02-shell-out-system-tool", js('const cp=require(\'child_process\')\nconsole.log("exec(\'convert a b\')")\n')),  # string exec
        ("TF03-hardcoded-secret", rb("# api_key = 'a8s7d6f5g4h3j2k1'\n")),  # rb comment
        ("TF03-hardcoded-secret", rb("=begin\napi_key = 'a8s7d6f5g4h3j2k1'\n=end\n")),  # rb begin
        ("TF03-hardcoded-secret", rb("HELP = <<~TEXT\n  api_key = 'a8s7d6f5g4h3j2k1'\nTEXT\n")),  # rb heredoc
        ("TF11-file-handler", rb("# Logger.new('a.log')\nlogger = Logger.new($stdout)\n")),  # rb logger comment
        ("TF02-shell-out-system-tool", rb("x = 'run `convert a b`'\n")),  # rb backtick in string
        ("TF12-startup-ddl", rb("SQL = 'see docs: CREATE TABLE x'\n")),  # rb sql text
        ("TF12-startup-ddl", rb("", **{"db/migrate/1_a.rb": "execute 'CREATE TABLE x'\n"})),  # rb migration
        ("TF07-port-hardcoded", go('\t// http.ListenAndServe(":8080", nil)\n\thttp.ListenAndServe(":"+os.Getenv("PORT"), nil)\n')),  # go comment
        ("TF07-port-hardcoded", go('\tdoc := `\n\thttp.ListenAndServe(":8080", nil)\n`\n\thttp.ListenAndServe(":"+os.Getenv("PORT"), nil)\n')),  # go raw string
        ("TF07-port-hardcoded", go("\tr := gin.Default()\n\tr.Run()\n")),  # gin Run reads PORT
        ("TF09-no-sigterm", go('\tctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)\n\thttp.ListenAndServe(":"+os.Getenv("PORT"), nil)\n')),  # go notify
        ("TF04-hardcoded-backing-service", go('\t// sql.Open("postgres", "postgres://app:s3cr3t@db.shop.com/shop")\n')),  # go dsn comment
        ("TF03-hardcoded-secret", go('\tusage := `api_key = "a8s7d6f5g4h3j2k1"`\n')),  # go raw
        ("TF11-file-handler", go('\t// f, _ := os.OpenFile("app.log", 1, 0)\n')),  # go log comment
        ("TF02-shell-out-system-tool", go('\tfmt.Println(`exec.Command("convert")`)\n')),  # go exec raw
        ("TF03-hardcoded-secret", java('  /* String apiKey = "a8s7d6f5g4h3j2k1"; */\n')),  # java comment
        ("TF03-hardcoded-secret", java('  String t = """\n     apiKey = \'a8s7d6f5g4h3j2k1\'\n  """;\n')),  # java text block
        ("TF11-file-handler", java('  // new FileHandler("a.log")\n')),  # java comment
        ("TF12-startup-ddl", java('  // "CREATE TABLE x"\n')),  # java comment ddl
        ("TF02-shell-out-system-tool", java('  log("new ProcessBuilder(\\"convert\\")");\n')),  # java pb string
    ],
)  # fmt: skip
def test_what_is_only_quoted_or_guarded_is_not(rule, files):
    assert not found(rule, files)


DROPS = "\n    db.drop_all()\n"


@pytest.mark.parametrize(
    ("text", "guarded"),
    [
        ("@app.route('/admin/reset')\ndef reset():" + DROPS, False),  # a path guards nothing
        ("@admin.route('/reset')\ndef reset():" + DROPS, False),  # nor does a blueprint's name
        ("@app.post('/reset', tags=['admin'])\ndef reset():" + DROPS, False),
        ("@app.post('/reset', dependencies=[Depends(require_admin)])\ndef reset():" + DROPS, True),
        ("@app.route('/reset')\n@login_required\ndef reset():" + DROPS, True),
        ("@app.route('/reset')\n@require_POST\ndef reset():" + DROPS, False),
        ("@app.route('/reset')\ndef reset():\n    if not user.is_admin:\n        abort(403)" + DROPS, True),
        ("class Reset(View):\n    def post(self, request):\n        db.drop_all()\n", False),
        ("class Reset(LoginRequiredMixin, View):\n    def post(self, request):\n        db.drop_all()\n", True),
        ("class R(APIView):\n    permission_classes = [IsAdminUser]\n    def post(self, request):\n        db.drop_all()\n", True),
        ("class R(APIView):\n    permission_classes = [AllowAny]\n    def post(self, request):\n        db.drop_all()\n", False),
    ],
)  # fmt: skip
def test_a_guard_is_a_name_that_is_asked(text, guarded):
    assert bool(found("TF12-http-admin-endpoint", {"app.py": text})) is not guarded


def test_an_example_of_a_crontab_schedules_nothing():
    line = "0 3 * * * cd /srv/app && python manage.py clearsessions\n"
    assert found("TF12-cron-outside", {"crontab": line})
    for path in ("crontab.example", "examples/crontab", "docs/cron.d/app", "tests/fixtures/crontab"):
        assert not found("TF12-cron-outside", {path: line})


@pytest.mark.parametrize(
    ("files", "hit"),
    [
        ({"Procfile": "web: bundle exec puma\n"}, True),
        ({"Procfile": "web: bundle exec puma\n", "config/puma.rb": "port ENV.fetch('PORT') { 3000 }\n"}, False),
        ({"Procfile": "web: bundle exec puma -C config/web.rb\n"}, False),
        ({"Procfile": "web: bundle exec puma -p $PORT\n"}, False),
        ({"Procfile": "web: bundle exec unicorn\n"}, True),
        ({"Procfile": "web: bundle exec unicorn -p $PORT\n"}, False),
        ({"Procfile": "web: bin/rails server\n"}, False),
        ({"Procfile": "web: serve -s build\n"}, False),
    ],
)
def test_which_servers_read_port(files, hit):
    assert bool(found("TF07-port-hardcoded", files)) is hit


def test_the_config_of_puma_takes_the_port():
    code = Codebase.of({"Procfile": "web: bundle exec puma\n", "config/puma.rb": "port ENV.fetch('PORT') { 3000 }\n"})
    assert [(one.path, one.line) for one in f07_port_binding.witness(code)] == [("config/puma.rb", 1)]


def test_rails_keys_for_development_and_tests_are_no_secrets():
    key = "8a3f1c5d7e9b2a4c6e8f0b1d3f5a7c9e"
    text = f"development:\n  secret_key_base: {key}\ntest:\n  secret_key_base: {key}\nproduction:\n  secret_key_base: {key}\n"
    assert found("TF03-hardcoded-secret", {"config/secrets.yml": text}) == [("config/secrets.yml", 6)]
