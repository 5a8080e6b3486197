"""Factor VI: what its rules find, and what they must leave alone."""

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.rules import f06_processes

RULES = {rule.id: rule for rule in f06_processes.RULES.rules}
SESSION, STICKY, UPLOAD, WRITE = "inmemory-session", "sticky-session", "local-upload", "local-write"
STATE, LIMIT, CACHE, LOCK, VOLUME = "module-state", "memory-rate-limit", "local-cache", "local-lock", "compose-volume"
EXPRESS = "const session = require('express-session')\n"
MODEL = {"models.py": "class A:\n    picture = models.ImageField()"}
ROUTE = "@app.route('/')\ndef home():\n"


def hits(rule, files):
    return [one.severity.value for one in findings(Codebase.of(files), [RULES[f"TF06-{rule}"]])]


@pytest.mark.parametrize(
    ("rule", "files", "severity"),
    [
        (SESSION, {"a.js": EXPRESS + "app.use(session({\n  // store: x,\n  secret: key }))"}, "error"),
        (SESSION, {"a.js": EXPRESS + "const opts = { secret: key }\napp.use(session(opts))"}, "error"),
        (SESSION, {"a.js": EXPRESS + "app.use(session({ store: new session.MemoryStore() }))"}, "error"),
        (SESSION, {"a.ts": "import session from 'express-session'\napp.use(session({ secret: key }))"}, "error"),
        (SESSION, {"a.py": "app.config['SESSION_TYPE'] = 'filesystem'"}, "error"),
        (SESSION, {"a.py": "SESSION_ENGINE = 'django.contrib.sessions.backends.file'"}, "error"),
        (SESSION, {"a.go": 'store := sessions.NewFilesystemStore("", key)'}, "error"),
        (STICKY, {"svc.yaml": "kind: Service\nspec:\n  sessionAffinity: ClientIP\n"}, "error"),
        (UPLOAD, {"s.py": "MEDIA_ROOT = os.path.join(ROOT, 'media')", **MODEL}, "error"),
        (UPLOAD, {"s.py": "import os\nMEDIA_ROOT = os.environ.get('MEDIA_ROOT', 'media')", **MODEL}, "warning"),
        (UPLOAD, {"a.py": "file = request.files['x']\nfile.save(os.path.join(UPLOAD_FOLDER, name))"}, "error"),
        (UPLOAD, {"a.js": "const upload = multer({ dest: 'uploads/' })"}, "error"),
        (UPLOAD, {"A.java": 'part.transferTo(new File("uploads/" + name));'}, "error"),
        (UPLOAD, {"a.go": 'c.SaveUploadedFile(file, "./uploads/"+file.Filename)'}, "error"),
        (UPLOAD, {"config/environments/production.rb": "config.active_storage.service = :local",
                  "app/models/user.rb": "has_one_attached :avatar"}, "error"),
        (WRITE, {"a.js": "app.post('/x', (q, s) => { fs.writeFileSync('./data.json', q.body) })"}, "warning"),
        (WRITE, {"a.py": "class V(View):\n  def post(self, request, pk):\n    open('words', 'a').write(pk)"}, "warning"),
        (WRITE, {"a.py": "class H(Base):\n  def do_GET(self):\n    open('words', 'a').write('a')"}, "warning"),
        (WRITE, {"a.py": "URI = 'sqlite:///' + os.path.join(root, 'database.db')"}, "error"),
        (STATE, {"a.py": "hits = 0\n\n" + ROUTE + "    global hits\n    hits += 1"}, "warning"),
        (STATE, {"a.py": "users = []\n\n@router.post('/u')\nasync def u(n):\n    users.append(n)"}, "warning"),
        (STATE, {"a.js": "const carts = {}\napp.post('/c', (q, s) => { carts[q.id] = q.body })"}, "warning"),
        (STATE, {"a.ts": "let count: number = 0\nrouter.get('/', () => { count++ })"}, "warning"),
        (STATE, {"a.go": "var carts = map[string]string{}\n\nfunc add(w http.ResponseWriter, r *http.Request) {\n"
                         '\tcarts["a"] = "b"\n}\n'}, "warning"),
        (STATE, {"A.java": "@RestController\nclass A {\n  private final Map<String, String> carts = new HashMap<>();\n"
                           '  String add() { carts.put("a", "b"); return ""; }\n}'}, "warning"),
        (STATE, {"a.rb": "$carts = {}\npost '/c' do\n  $carts[params[:id]] = 1\nend"}, "warning"),
        (LIMIT, {"a.js": "const rateLimit = require('express-rate-limit')\napp.use(rateLimit({ max: 5 }))"}, "info"),
        (CACHE, {"a.js": "const cache = new NodeCache()"}, "info"),
        (LOCK, {"a.py": "import fcntl\nfcntl.flock(file, fcntl.LOCK_EX)"}, "warning"),
        (VOLUME, {"compose.yml": "services:\n  a:\n    build: .\n    volumes: [data:/data]", "Procfile": "web: a"}, "info"),
        (VOLUME, {"k8s.yaml": "kind: Deployment\nspec:\n  template:\n    spec:\n      containers: [{image: shop}]\n"
                              "      volumes:\n        - name: a\n          persistentVolumeClaim: {claimName: b}"}, "warning"),
        # as people write it
        (SESSION, {"a.js": "app.use(require('express-session')({ secret: key }))"}, "error"),
        (SESSION, {"a.js": "const fsession = require('@fastify/session')\napp.register(fsession, { secret: k })"}, "error"),
        (CACHE, {"s.py": "SESSION_ENGINE = 'django.contrib.sessions.backends.cache'\n"
                         "CACHES = {'default': {'BACKEND': 'django.core.cache.backends.locmem.LocMemCache'}}"}, "error"),
        (STICKY, {"haproxy.cfg": "backend app\n  cookie SRV insert indirect"}, "error"),
        (STICKY, {"main.tf": "resource a b {\n  stickiness {\n    enabled = true\n  }\n}"}, "error"),
        (UPLOAD, {"a.py": "request.files['file'].save('static/uploads/' + name)"}, "error"),
        (UPLOAD, {"a.py": "picture = form.picture.data\npicture.save(path)\nrequest.files"}, "error"),
        (UPLOAD, {"a.py": "async def u(file: UploadFile):\n    with open(f'up/{file.filename}', 'wb') as out:\n"
                          "        shutil.copyfileobj(file.file, out)"}, "error"),
        (UPLOAD, {"a.py": "async def u(file: UploadFile):\n    path = ROOT / file.filename\n"
                          "    path.write_bytes(await file.read())"}, "error"),
        (UPLOAD, {"a.py": "fs = FileSystemStorage()\nfs.save(f.name, request.FILES['f'])"}, "error"),
        (UPLOAD, {"a.ts": "@UseInterceptors(FileInterceptor('file', { dest: './uploads' }))"}, "error"),
        (UPLOAD, {"a.ts": "FileInterceptor('file', { storage: diskStorage({ destination: './uploads' }) })"}, "error"),
        (UPLOAD, {"a.go": 'f, h, _ := r.FormFile("f")\nout, _ := os.Create("./uploads/" + h.Filename)'}, "error"),
        (UPLOAD, {"A.java": "MultipartFile file;\nFiles.copy(file.getInputStream(), root.resolve(name));"}, "error"),
        (UPLOAD, {"a.rb": "File.open('public/' + name, 'wb') { |f| f.write(params[:f][:tempfile].read) }"}, "error"),
        (WRITE, {"a.py": ROUTE + "    df.to_csv('out.csv')"}, "warning"),
        (WRITE, {"a.py": ROUTE + "    plt.savefig('static/plot.png')"}, "warning"),
        (WRITE, {"a.py": ROUTE + "    Path('data.json').write_text('x')"}, "warning"),
        (WRITE, {"a.py": "DATA = 'data.json'\n" + ROUTE + "    open(DATA, 'w').write('a')"}, "warning"),
        (WRITE, {"a.js": "app.post('/x', () => { writeFileSync(path.join(__dirname, 'a.json'), x) })"}, "warning"),
        (WRITE, {"a.rb": "post '/x' do\n  File.write('notes.txt', params[:a])\nend"}, "warning"),
        (WRITE, {"a.go": 'func h(w http.ResponseWriter, r *http.Request) {\n os.OpenFile("a.txt", os.O_APPEND|os.O_WRONLY, 6)\n}'},
         "warning"),
        (STATE, {"a.py": "todos = []\n\nclass Todo(Resource):\n    def post(self):\n        todos.append(1)"}, "warning"),
        (STATE, {"a.py": "todos = []\n\ndef add(x):\n    todos.append(x)\n\n" + ROUTE + "    add(1)"}, "warning"),
        (STATE, {"a.js": "const todos = []\nfunction add(req, res) { todos.push(req.body) }\napp.post('/t', add)"}, "warning"),
        (STATE, {"a.js": "const items = []\nexports.create = (req, res) => {\n  items.push(req.body)\n}"}, "warning"),
        (STATE, {"a.ts": "const items: string[] = []\nexport async function POST(request: Request) {\n  items.push('a')\n}"},
         "warning"),
        (STATE, {"a.ts": "import { Injectable } from '@nestjs/common'\nclass Cats {\n  private readonly cats: Cat[] = [];\n"
                         "  create(cat: Cat) {\n    this.cats.push(cat);\n  }\n}"}, "warning"),
        (STATE, {"a.go": "type S struct {\n\titems map[string]string\n}\n\n"
                         'func (s *S) add(w http.ResponseWriter, r *http.Request) {\n\ts.items["a"] = "b"\n}'}, "warning"),
        (STATE, {"A.java": "@Service\nclass A {\n  private final Map<Long, Book> books = new HashMap<>();\n"
                           "  void save(Book b) { books.put(b.id, b); }\n}"}, "warning"),
        (STATE, {"a.rb": "todos = []\npost '/t' do\n  todos << params[:t]\nend"}, "warning"),
        (VOLUME, {"Dockerfile": "FROM a:1\nVOLUME /app/uploads\nCMD x"}, "warning"),
        (VOLUME, {"fly.toml": "[mounts]\nsource = 'data'\ndestination = '/data'"}, "warning"),
        (VOLUME, {"render.yaml": "services:\n  - type: web\n    disk:\n      name: data"}, "warning"),
        (VOLUME, {"k8s.yaml": "kind: Deployment\nspec:\n  template:\n    spec:\n      containers: [{image: shop}]\n"
                              "      volumes:\n        - name: a\n          hostPath: {path: /data}"}, "warning"),
    ],
)  # fmt: skip
def test_it_is_found(rule, files, severity):
    assert hits(rule, files) == [severity]


@pytest.mark.parametrize(
    ("rule", "files", "why"),
    [
        (SESSION, {"a.js": EXPRESS + "app.use(session({ secret: key, store: new RedisStore({ client }) }))"}, "a store"),
        (SESSION, {"a.js": EXPRESS + "const opts = {}\nopts.store = redis\napp.use(session(opts))"}, "a store, later"),
        (SESSION, {"a.js": "// " + EXPRESS + "app.use(session({ secret: key }))"}, "a comment"),
        (SESSION, {"a.js": "const session = require('cookie-session')\napp.use(session({ secret: key }))"}, "a cookie"),
        (SESSION, {"a.js": EXPRESS + "db.session({ x: 1 })\nstartSession()"}, "other sessions"),
        (STICKY, {"nginx.conf": "# ip_hash;\n"}, "a comment"),
        (STICKY, {"a.css": ".bar { position: sticky }"}, "another word"),
        (STICKY, {"svc.yaml": "sessionAffinity: None"}, "off"),
        (UPLOAD, {"s.py": "MEDIA_ROOT = 'media'"}, "nothing stores files"),
        (UPLOAD, {"s.py": "MEDIA_ROOT = 'm'\nDEFAULT_FILE_STORAGE = 'storages.backends.s3boto3.S3Storage'", **MODEL}, "S3"),
        (UPLOAD, {"a.py": "form = UserForm()\nimage.save(path)"}, "no upload"),
        (UPLOAD, {"a.js": "const upload = multer({ storage: multer.memoryStorage() })"}, "in passing"),
        (UPLOAD, {"a.py": "file = request.files['x']\nfile.save(os.path.join(tempfile.gettempdir(), name))"}, "in passing"),
        (WRITE, {"a.py": ROUTE + "    open('/tmp/x', 'w').write('a')"}, "in passing"),
        (WRITE, {"a.py": ROUTE + "    open('words.txt').read()"}, "read"),
        (WRITE, {"tool.py": "open('out.txt', 'w').write('a')"}, "no requests"),
        (WRITE, {"app/cli/a.py": ROUTE + "    open('out.txt', 'w').write('a')"}, "a command"),
        (STATE, {"a.py": "model = pickle.load(open('m', 'rb'))\n\n" + ROUTE + "    return model.predict()"}, "read only"),
        (STATE, {"a.py": "names = []\n\n" + ROUTE + "    names = []\n    names.append(1)"}, "the function's own"),
        (STATE, {"a.py": "ROUTES = {}\nROUTES['a'] = 1\n\n" + ROUTE + "    return ROUTES['a']"}, "made once"),
        (STATE, {"a.js": "const names = []\napp.get('/', (q, s) => { const names = []; names.push(1) })"}, "its own"),
        (STATE, {"a.js": "const config = {}\napp.get('/', (q, s) => s.json(config.a === 1))"}, "read only"),
        (STATE, {"a.py": "page_cache = {}\n\n" + ROUTE + "    page_cache['a'] = 1"}, "a cache"),
        (LIMIT, {"a.js": "const rateLimit = require('express-rate-limit')\napp.use(rateLimit({ store: new R() }))"}, ""),
        (CACHE, {"a.py": "# django.core.cache.backends.locmem.LocMemCache"}, "a comment"),
        (LOCK, {"management/commands/a.py": "import fcntl\nfcntl.flock(file, fcntl.LOCK_EX)"}, "a command"),
        (VOLUME, {"compose.yml": "services:\n  db:\n    image: postgres:17\n    volumes: [data:/data]"}, "a service's"),
        (VOLUME, {"compose.yml": "services:\n  a:\n    build: .\n    volumes: ['./src:/app', 'node_modules:/app/node_modules']"},
         "the source"),
        # as people write it
        (UPLOAD, {"a.py": "form = F(request.POST, request.FILES)\nform.save()\ndocument.save()"}, "a form"),
        (UPLOAD, {"a.py": "async def u(file: UploadFile):\n    path = tempfile.mktemp()\n    with open(path, 'wb') as out:\n"
                          "        shutil.copyfileobj(file.file, out)"}, "in passing"),
        (UPLOAD, {"a.js": "multer({ storage: multer.diskStorage({ destination: os.tmpdir() }) })"}, "in passing"),
        (UPLOAD, {"a.go": 'f, _, _ := r.FormFile("f")\nout, _ := os.Create(filepath.Join(os.TempDir(), "x"))'}, "in passing"),
        (WRITE, {"a.py": ROUTE + "    return Response(df.to_csv(), mimetype='text/csv')"}, "an answer"),
        (WRITE, {"a.py": 'WEB = """\ndef do_GET(self):\n    pass\n"""\nPath("web.py").write_text(WEB)'}, "only quoted"),
        (STATE, {"a.py": "model = None\n\n" + ROUTE + "    global model\n    if model is None:\n        model = load()"}, "once"),
        (STATE, {"a.py": "rows = []\n\n@app.get('/')\ndef home(rows):\n    rows.append(1)"}, "what it is given"),
        (STATE, {"a.py": "rows = []\n\ndef load():\n    rows.append(1)\n\nload()\n" + ROUTE + "    return rows"}, "made once"),
        (STATE, {"a.js": "let db = null\napp.get('/', async () => { if (!db) { db = await connect() } })"}, "once"),
        (STATE, {"a.js": "const routes = {}\nfunction add(path, fn) { routes[path] = fn }\n"
                         "http.createServer((req, res) => { routes[req.url](req, res) })"}, "made once"),
        (STATE, {"A.java": "@RestController\nclass A {\n  List<String> g() { List<String> a = new ArrayList<>(); a.add(1); }\n}"},
         "its own"),
        (STATE, {"A.java": "@Service\nclass A {\n  private final Map<String, H> all = new HashMap<>();\n"
                           "  A(List<H> given) { for (H h : given) all.put(h.name(), h); }\n}"}, "made once"),
        (STATE, {"a.rb": "NAMES = []\nNAMES << 'a'\nget '/' do\n  NAMES.join\nend"}, "made once"),
        (VOLUME, {"Dockerfile": "FROM a:1\nVOLUME /tmp\nCMD x"}, "in passing"),
    ],
)  # fmt: skip
def test_it_is_left_alone(rule, files, why):
    assert hits(rule, files) == [], why


@pytest.mark.parametrize("rule", RULES)
def test_broken_files_break_no_rule(rule):
    hostile = {
        "a.js": "const session = require('express-session')\nsession({{{{ ' multer({ dest: app.get(",
        "a.py": "@app.route(\ndef f(:\n open(",
        "compose.yml": "services: {a: [1], b: {build: ., volumes: {x: y}}, c: 5, d: {image: x, volumes: [[1], {a: b}]}}",
        "k8s.yaml": "kind: Deployment\nspec: [persistentVolumeClaim, volumes]\n---\nkind: Deployment\nspec: {template: 3} # volume",
        "a.go": "func x(w http.ResponseWriter) {",
        "A.java": "@Controller class A {",
    }
    findings(Codebase.of(hostile), [RULES[rule]])
    findings(Codebase.of(dict.fromkeys(hostile, "")), [RULES[rule]])
