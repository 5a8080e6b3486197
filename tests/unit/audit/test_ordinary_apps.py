"""Small whole apps as people write them: what they are found to do, and what is theirs to do."""

import json

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.judge import judge
from twelve.audit.model import Severity
from twelve.audit.rules import all_rules, relevances, witnesses

RULES = [rule for rule in all_rules() if rule.id.startswith(("TF01", "TF02", "TF05", "TF10", "TF12"))]
PY = {
    "requirements.txt": "flask==3.1.0\ngunicorn==23.0.0\n",
    ".python-version": "3.13\n",
    "Procfile": "web: gunicorn app:app\n",
    "app.py": "import flask\napp = flask.Flask(__name__)\n",
}
NODE = {
    "package.json": '{"name":"shop","scripts":{"start":"node server.js"},"dependencies":{"express":"4.21.2"},"engines":{"node":"24.x"}}\n',
    "package-lock.json": "{}",
    "server.js": "const express = require('express')\nconst app = express()\napp.listen(process.env.PORT)\n",
}
RUBY = {
    "Gemfile": "source 'https://rubygems.org'\nruby '3.4.1'\ngem 'rails', '~> 8.0'\ngem 'puma'\n",
    "Gemfile.lock": "GEM\n  specs:\n    puma (6.5.0)\n    rails (8.0.1)\n\nDEPENDENCIES\n  puma\n  rails (~> 8.0)\n",
    "config/application.rb": "require 'rails'\n",
    "Procfile": "web: bundle exec puma -C config/puma.rb\n",
}
GO = {
    "go.mod": "module shop\n\ngo 1.26\n\nrequire github.com/gin-gonic/gin v1.10.0\n",
    "go.sum": "github.com/gin-gonic/gin v1.10.0 h1:x\n",
    "main.go": 'package main\nimport "github.com/gin-gonic/gin"\nfunc main() { r := gin.Default(); r.Run() }\n',
    "Procfile": "web: bin/shop\n",
}
JAVA = {
    "pom.xml": "<project><parent><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-parent</artifactId><version>3.5.0</version></parent>\n<properties><java.version>21</java.version></properties>\n<dependencies><dependency><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-web</artifactId></dependency></dependencies>\n<build><plugins><plugin><artifactId>spring-boot-maven-plugin</artifactId></plugin></plugins></build></project>\n",
    "Procfile": "web: java -jar target/shop.jar\n",
    "src/main/java/Shop.java": "class Shop { public static void main(String[] a) { SpringApplication.run(Shop.class, a); } }\n",
}
DJ = {
    "requirements.txt": "django==5.2\ngunicorn==23.0.0\npsycopg==3.2.1\n",
    ".python-version": "3.13\n",
    "Procfile": "release: python manage.py migrate\nweb: gunicorn shop.wsgi\n",
    "manage.py": "import django\n",
    "shop/__init__.py": "",
    "shop/wsgi.py": "import django\n",
    "shop/settings.py": "import os\nDATABASES={'default': {}}\n",
    "app.json": '{"addons":["heroku-postgresql"]}',
}
DF = (
    "FROM python:3.13-slim\nWORKDIR /app\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY app.py .\n"
)
DFC = DF + 'CMD ["gunicorn","app:app"]\n'
PG = {
    "requirements.txt": "flask==3.1.0\ngunicorn==23.0.0\npsycopg2==2.9.11\nsqlalchemy==2.0.44\n",
    "app.json": '{"addons":["heroku-postgresql"]}',
}
RPG = RUBY | {
    "Gemfile": RUBY["Gemfile"] + "gem 'pg'\n",
    "Gemfile.lock": RUBY["Gemfile.lock"].replace("    puma (6", "    pg (1.5)\n    puma (6"),
    "app.json": '{"addons":["heroku-postgresql"]}',
}
PGJ = "<dependency><groupId>org.postgresql</groupId><artifactId>postgresql</artifactId></dependency>"


def without(files, *names):
    return {path: text for path, text in files.items() if path not in names}


def web(command):
    return {"Procfile": f"web: {command}\n"}


def docker(text):
    return {"Dockerfile": text}


def compose(text):
    return {"docker-compose.yml": text}


def app(text):
    return {"app.py": f"import flask\n{text}"}


def js(text):
    return {"server.js": f"const express = require('express')\n{text}"}


def requirements(text):
    return {"requirements.txt": f"flask==3.1.0\ngunicorn==23.0.0\n{text}"}


def pom(text):
    return {
        "pom.xml": JAVA["pom.xml"].replace("</dependencies>", f"{text}</dependencies>"),
        "app.json": '{"addons":["heroku-postgresql"]}',
    }


def packages(wanted, dev=None, lock="{}", scripts=None):
    told = {
        "scripts": {"start": "node server.js"} | (scripts or {}),
        "dependencies": {"express": "4.21.2"} | wanted,
        "devDependencies": dev or {},
        "engines": {"node": "24.x"},
    }
    return {"package.json": json.dumps(told, indent=1)} | ({"package-lock.json": lock} if lock else {})


def scripts(start, **others):
    return packages({}, scripts={"start": start} | others)


def found(files):
    return sorted({one.rule for one in findings(Codebase.of(files), RULES) if one.severity is not Severity.INFO})


WRONG = [
    ("ruby none", {"Procfile":"web: ruby app.rb\n","app.rb":"require 'sinatra'\nget('/') { 'x' }\n"}, ["TF02-no-manifest"]),
    ("go none", {"Procfile":"web: bin/a\n","main.go":'package main\nimport "github.com/gin-gonic/gin"\nfunc main() {}\n'}, ["TF02-no-manifest"]),
    ("java none", {"Procfile":"web: java A\n","src/A.java":"import org.springframework.boot.SpringApplication;\nclass A {}\n"}, ["TF02-no-manifest"]),
    ("node github short", without(NODE, "package-lock.json")|packages({"lib":"a/lib"}), ["TF02-unpinned"]),
    ("node ssh git url", without(NODE, "package-lock.json")|packages({"lib":"git@github.com:a/lib.git"}), ["TF02-unpinned"]),
    ("maven SNAPSHOT", JAVA|{"pom.xml":JAVA["pom.xml"].replace("</dependencies>","<dependency><groupId>a</groupId><artifactId>b</artifactId><version>1.0-SNAPSHOT</version></dependency></dependencies>")}, ["TF02-unpinned"]),
    ("yarn.lock lacks", without(NODE, "package-lock.json")|packages({"pg":"^8.0.0"},lock="")|{"yarn.lock":'# yarn lockfile v1\n\n\nexpress@4.21.2:\n  version "4.21.2"\n'}, ["TF02-lock-drift"]),
    ("pnpm lacks", without(NODE, "package-lock.json")|packages({"pg":"^8.0.0"},lock="")|{"pnpm-lock.yaml":"lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      express:\n        specifier: 4.21.2\n        version: 4.21.2\n"}, ["TF02-lock-drift"]),
    ("go.sum lacks", GO|{"go.mod":GO["go.mod"]+"require github.com/lib/pq v1.10.9\n"}, ["TF02-lock-drift"]),
    ("requirements.in newer than txt", PY|{"requirements.in":"flask\nredis\n"}, ["TF02-lock-drift"]),
    ("format", PY|app("import os\nos.system('convert {} {}'.format(a,b))\n"), ["TF02-shell-out-system-tool"]),
    ("cmd variable", PY|app("import subprocess\ncmd = ['convert', a, b]\nsubprocess.run(cmd)\n"), ["TF02-shell-out-system-tool"]),
    ("cmd variable in function", PY|app("import subprocess\ndef f():\n    cmd = 'pdftotext %s -' % x\n    subprocess.call(cmd, shell=True)\n"), ["TF02-shell-out-system-tool"]),
    ("shlex.split", PY|app("import subprocess, shlex\nsubprocess.run(shlex.split('ffmpeg -i x'))\n"), ["TF02-shell-out-system-tool"]),
    ("os.execvp", PY|app("import os\nos.execvp('git', ['git','log'])\n"), ["TF02-shell-out-system-tool"]),
    ("import subprocess as sp", PY|app("import subprocess as sp\nsp.run(['ffmpeg'])\n"), ["TF02-shell-out-system-tool"]),
    ("pipeline sh -c", PY|app("import subprocess\nsubprocess.run(['sh','-c','pg_dump $X | gzip'])\n"), ["TF02-shell-out-system-tool"]),
    ("js promisify", NODE|js("const { exec } = require('child_process')\nconst run = require('util').promisify(exec)\nrun('convert a b')\n"), ["TF02-shell-out-system-tool"]),
    ("js execAsync", NODE|js("const { exec } = require('child_process')\nconst execAsync = promisify(exec)\nawait execAsync('ffmpeg -i a')\n"), ["TF02-shell-out-system-tool"]),
    ("js fluent-ffmpeg", without(NODE, "package-lock.json")|packages({"fluent-ffmpeg":"2.1.3"})|js("const f = require('fluent-ffmpeg')\nf('a').save('b')\n"), ["TF02-shell-out-system-tool"]),
    ("py pytesseract", PY|requirements("pytesseract==0.3\n")|app("import pytesseract\npytesseract.image_to_string(x)\n"), ["TF02-shell-out-system-tool"]),
    ("py pdf2image", PY|requirements("pdf2image==1.17\n")|app("import pdf2image\n"), ["TF02-shell-out-system-tool"]),
    ("py pydub", PY|requirements("pydub==0.25\n")|app("from pydub import AudioSegment\n"), ["TF02-shell-out-system-tool"]),
    ("py pdfkit", PY|requirements("pdfkit==1.0\n")|app("import pdfkit\n"), ["TF02-shell-out-system-tool"]),
    ("go exec sh -c", GO|{"main.go":'package main\nimport "os/exec"\nfunc main() { exec.Command("sh", "-c", "convert a b").Run() }\n'}, ["TF02-shell-out-system-tool"]),
    ("FROM debian:stretch", without(GO,"Procfile")|docker('FROM golang:1.26 AS b\nRUN go build -o /a\nFROM debian:stretch-slim\nCOPY --from=b /a /a\nCMD ["/a"]\n'), ["TF02-base-image-eol"]),
    ("FROM centos:7", without(GO,"Procfile")|docker('FROM centos:7\nCOPY a /a\nCMD ["/a"]\n'), ["TF02-base-image-eol"]),
    ("npm i names", NODE|docker("FROM node:24\nCOPY server.js .\nRUN npm install express body-parser\nCMD node server.js\n"), ["TF02-global-install"]),
    ("yarn add", NODE|docker("FROM node:24\nCOPY server.js .\nRUN yarn add express\nCMD node server.js\n"), ["TF02-global-install"]),
    ("conda install", without(PY,"Procfile")|docker(DF+"RUN conda install -y numpy\nCMD gunicorn app:app\n"), ["TF02-global-install"]),
    ("uvicorn --reload", PY|web("uvicorn app:app --host 0.0.0.0 --port $PORT --reload"), ["TF05-dev-server"]),
    ("gunicorn --reload", PY|web("gunicorn --reload app:app"), ["TF05-dev-server"]),
    ("uvicorn.run reload", PY|web("python main.py")|{"requirements.txt":"fastapi==0.115\nuvicorn==0.30\n","main.py":"import uvicorn\nuvicorn.run('app:app', host='0.0.0.0', reload=True)\n","app.py":"import fastapi\n"}, ["TF05-dev-server"]),
    ("nest start", NODE|scripts("nest start"), ["TF05-build-at-run"]),
    ("astro dev", NODE|scripts("astro dev"), ["TF05-dev-server"]),
    ("remix dev", NODE|scripts("remix dev"), ["TF05-dev-server"]),
    ("remix vite:dev", NODE|scripts("remix vite:dev"), ["TF05-dev-server"]),
    ("nuxi dev", NODE|scripts("nuxi dev"), ["TF05-dev-server"]),
    ("parcel serve", NODE|scripts("parcel index.html"), ["TF05-dev-server"]),
    ("strapi develop", NODE|scripts("strapi develop"), ["TF05-dev-server"]),
    ("prestart tsc", NODE|scripts("node dist/server.js",prestart="npm run build",build="tsc -p ."), ["TF05-build-at-run"]),
    ("cross-env nodemon", NODE|scripts("cross-env NODE_ENV=development nodemon server.js"), ["TF05-dev-server"]),
    ("dotenv -- next dev", NODE|scripts("dotenv -e .env -- next dev"), ["TF05-dev-server"]),
    ("pm2 --watch", NODE|scripts("pm2-runtime start server.js --watch"), ["TF05-dev-server"]),
    ("rerun sinatra", RUBY|web("bundle exec rerun 'ruby app.rb'"), ["TF05-dev-server"]),
    ("shotgun", RUBY|web("bundle exec shotgun config.ru"), ["TF05-dev-server"]),
    ("CompileDaemon", GO|web("CompileDaemon -command=./shop"), ["TF05-dev-server"]),
    ("mvnw -q spring-boot:run", JAVA|web("./mvnw -q spring-boot:run"), ["TF05-dev-server"]),
    ("gradlew --no-daemon bootRun", JAVA|web("./gradlew --no-daemon bootRun"), ["TF05-dev-server"]),
    ("bottle run()", PY|web("python app.py")|{"requirements.txt":"bottle==0.13\n","app.py":"from bottle import run, route\nrun(host='0.0.0.0', port=8080)\n"}, ["TF05-dev-server"]),
    ("wsgiref make_server", PY|web("python app.py")|{"requirements.txt":"pyramid==2.0\n","app.py":"from wsgiref.simple_server import make_server\nfrom pyramid.config import Configurator\nserver = make_server('0.0.0.0', 6543, app)\nserver.serve_forever()\n"}, ["TF05-dev-server"]),
    ("werkzeug run_simple", PY|web("python app.py")|{"app.py":"from werkzeug.serving import run_simple\nfrom flask import Flask\nrun_simple('0.0.0.0', 5000, app)\n"}, ["TF05-dev-server"]),
    ("create_app().run", PY|web("python run.py")|{"run.py":"from app import create_app\ncreate_app().run(host='0.0.0.0')\n"}, ["TF05-dev-server"]),
    ("app.run positional", PY|web("python app.py")|{"app.py":"from flask import Flask\napp = Flask(__name__)\napp.run('0.0.0.0', 8080)\n"}, ["TF05-dev-server"]),
    ("hupper", PY|web("hupper -m waitress app:app"), ["TF05-dev-server"]),
    ("watchmedo", PY|{"Procfile":"web: gunicorn app:app\nworker: watchmedo auto-restart -- celery -A app worker\n"}, ["TF05-dev-server"]),
    ("watchfiles", PY|{"Procfile":"web: watchfiles 'gunicorn app:app'\n"}, ["TF05-dev-server"]),
    ("pserve --reload", PY|web("pserve development.ini --reload"), ["TF05-dev-server"]),
    ("hypercorn --reload", PY|web("hypercorn app:app --reload"), ["TF05-dev-server"]),
    ("sanic --dev", PY|web("sanic app.app --dev"), ["TF05-dev-server"]),
    ("compose.prod flask run", without(PY, "Procfile")|{"Dockerfile":DF,"docker-compose.prod.yml":"services:\n  web:\n    build: .\n    command: flask run\n"}, ["TF05-dev-server"]),
    ("railway.json startCommand", without(PY, "Procfile")|{"railway.json":'{"deploy":{"startCommand":"flask run"}}'}, ["TF05-dev-server"]),
    ("railway.toml startCommand", without(PY, "Procfile")|{"railway.toml":'[deploy]\nstartCommand = "flask run"\n'}, ["TF05-dev-server"]),
    ("nixpacks start", without(PY, "Procfile")|{"nixpacks.toml":'[start]\ncmd = "flask run"\n'}, ["TF05-dev-server"]),
    ("app.yaml flask run", without(PY, "Procfile")|{"app.yaml":"runtime: python313\nentrypoint: flask run\n"}, ["TF05-dev-server"]),
    ("python -m pip", PY|web("python -m pip install -r requirements.txt && gunicorn app:app"), ["TF05-build-at-run"]),
    ("git -C pull", PY|web("git -C /app pull && gunicorn app:app"), ["TF05-code-mutation-at-run"]),
    ("py write os.path.join(app.root_path)", PY|{"app.py":"import flask, os\ndef f():\n    with open(os.path.join(app.root_path, 'static', 'a.json'), 'w') as f:\n        f.write('x')\n"}, ["TF05-code-mutation-at-run"]),
    ("py write Path static", PY|{"app.py":"import flask\nfrom pathlib import Path\ndef f():\n    Path('static/a.json').write_text('x')\n"}, ["TF05-code-mutation-at-run"]),
    ("js write path.join", NODE|{"server.js":"const fs=require('fs')\nfs.writeFileSync(path.join(__dirname, 'public', 'feed.xml'), x)\n"}, ["TF05-code-mutation-at-run"]),
    ("ruby write public", RUBY|{"app/controllers/a.rb":"File.write(Rails.root.join('public','sitemap.xml'), x)\n"}, ["TF05-code-mutation-at-run"]),
    ("ruby File.open public", RUBY|{"app/controllers/a.rb":"File.open(\"#{Rails.root}/public/x.csv\", 'w') { |f| f << x }\n"}, ["TF05-code-mutation-at-run"]),
    ("go write static", GO|{"main.go":'package main\nimport "os"\nfunc main() { os.WriteFile("static/a.json", b, 0644) }\n'}, ["TF05-code-mutation-at-run"]),
    ("netlify toml", NODE|{"netlify.toml":'[build]\ncommand = "npm run db:migrate && npm run build"\n'}, ["TF05-build-touches-resources"]),
    ("vercel.json buildCommand", NODE|{"vercel.json":'{"buildCommand":"npx prisma db push && next build"}'}, ["TF05-build-touches-resources"]),
    ("railway buildCommand", NODE|{"railway.json":'{"build":{"buildCommand":"npx prisma migrate deploy && npm run build"}}'}, ["TF05-build-touches-resources"]),
    ("nixpacks build", NODE|{"nixpacks.toml":'[phases.build]\ncmds = ["npx prisma migrate deploy"]\n'}, ["TF05-build-touches-resources"]),
    ("RUN db:setup ruby", RUBY|{"Dockerfile":"FROM ruby:3.4-slim\nCOPY Gemfile .\nRUN bundle exec rails db:setup\nCMD bundle exec puma\n"}, ["TF05-build-touches-resources"]),
    ("ARG VITE multi", NODE|{"Dockerfile":"FROM node:24 AS b\nARG VITE_API_URL VITE_KEY\nRUN npm run build\nFROM nginx:1.27\nCOPY --from=b dist /usr/share/nginx/html\n"}, ["TF05-build-needs-config"]),
    ("npm build:staging", NODE|{"Dockerfile":"FROM node:24 AS b\nARG ENVIRONMENT\nRUN npm run build:${ENVIRONMENT}\nFROM nginx:1.27\nCOPY --from=b dist /usr/share/nginx/html\n"}, ["TF05-build-needs-config"]),
    ("ng build -c ARG", NODE|{"Dockerfile":"FROM node:24 AS b\nARG CONFIGURATION\nRUN npx ng build --configuration=$CONFIGURATION\nFROM nginx:1.27\nCOPY --from=b dist /usr/share/nginx/html\n"}, ["TF05-build-needs-config"]),
    ("k8s initContainers latest", PY|{"k8s/d.yaml":"apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      initContainers:\n      - image: shop:latest\n      containers:\n      - image: shop:v1\n"}, ["TF05-mutable-tag"]),
    ("k8s list of", PY|{"k8s/d.yaml":"kind: List\nitems:\n- kind: Deployment\n  spec:\n    template:\n      spec:\n        containers:\n        - image: shop:latest\n"}, ["TF05-mutable-tag"]),
    ("kustomize newTag latest", PY|{"k8s/kustomization.yaml":"kind: Kustomization\nimages:\n- name: shop\n  newTag: latest\n"}, ["TF05-mutable-tag"]),
    ("helm values latest", PY|{"chart/Chart.yaml":"name: shop\n","chart/values.yaml":"image:\n  repository: shop\n  tag: latest\n"}, ["TF05-mutable-tag"]),
    ("terraform image latest", PY|{"main.tf":'resource "google_cloud_run_service" "s" {\n image = "gcr.io/a/shop:latest"\n}'}, ["TF05-mutable-tag"]),
    ("rails Gemfile groups sqlite/pg", RUBY|{"Gemfile":RUBY["Gemfile"]+"group :development, :test do\n  gem 'sqlite3'\nend\ngroup :production do\n  gem 'pg'\nend\n","Gemfile.lock":RUBY["Gemfile.lock"].replace("    puma (6","    pg (1.5)\n    sqlite3 (2.0)\n    puma (6"),"app.json":'{"addons":["heroku-postgresql"]}'}, ["TF10-sqlite-dev"]),
    ("gorm sqlite dev", GO|{"go.mod":GO["go.mod"]+"require (\n\tgorm.io/driver/postgres v1.5.0\n\tgorm.io/driver/sqlite v1.5.0\n)\n","go.sum":"github.com/gin-gonic/gin v1.10.0 h1:x\ngorm.io/driver/postgres v1.5.0 h1:\ngorm.io/driver/sqlite v1.5.0 h1:\n","db.go":'package main\nfunc open() { if os.Getenv("ENV") == "production" { gorm.Open(postgres.Open(dsn)) } else { gorm.Open(sqlite.Open("dev.db")) } }\n',"app.json":'{"addons":["heroku-postgresql"]}'}, ["TF10-sqlite-dev"]),
    (".env.development sqlite", PY|PG|{".env.development":"DATABASE_URL=sqlite:///dev.db\n"}, ["TF10-sqlite-dev"]),
    ("compose vs gitlab ci list", PY|PG|compose("services:\n  db:\n    image: postgres:16\n")|{".gitlab-ci.yml":"test:\n  services:\n    - postgres:12\n  script: pytest\n"}, ["TF10-service-version-drift"]),
    ("compose vs gitlab global", PY|PG|compose("services:\n  db:\n    image: postgres:16\n")|{".gitlab-ci.yml":"services:\n  - name: postgres:12\ntest:\n  script: pytest\n"}, ["TF10-service-version-drift"]),
    ("compose vs circleci", PY|PG|compose("services:\n  db:\n    image: postgres:16\n")|{".circleci/config.yml":"jobs:\n  t:\n    docker:\n    - image: cimg/python:3.13\n    - image: cimg/postgres:12.4\n"}, ["TF10-service-version-drift"]),
    ("pgvector pg16 tag", PY|PG|compose("services:\n  db:\n    image: pgvector/pgvector:pg15\n")|{".github/workflows/ci.yml":"on: push\njobs:\n  t:\n    services:\n      db:\n        image: postgres:16\n"}, ["TF10-service-version-drift"]),
    ("compose default var", PY|PG|compose("services:\n  db:\n    image: postgres:${PG:-12}\n")|{"docker-compose.prod.yml":"services:\n  db:\n    image: postgres:16\n"}, ["TF10-service-version-drift"]),
    ("gitlab image drift", PY|{".gitlab-ci.yml":"image: python:3.11\ntest:\n  script: pytest\n"}, ["TF10-runtime-drift"]),
    ("circle image drift", PY|{".circleci/config.yml":"jobs:\n  t:\n    docker:\n    - image: cimg/python:3.11\n"}, ["TF10-runtime-drift"]),
    ("devcontainer drift", PY|{".devcontainer/devcontainer.json":'{"image":"mcr.microsoft.com/devcontainers/python:3.11"}'}, ["TF10-runtime-drift"]),
    ("Dockerfile.dev drift", without(PY,"Procfile")|{"Dockerfile":DFC,"Dockerfile.dev":"FROM python:3.11\nCMD flask run\n"}, ["TF10-runtime-drift"]),
    ("entrypoint wait then migrate", without(PY,"Procfile")|PG|{"Dockerfile":DF+'COPY e.sh .\nENTRYPOINT ["./e.sh"]\n',"e.sh":'#!/bin/bash\nif [ "$WAIT" = "1" ]; then\n  sleep 1\nfi\nwhile ! nc -z db 5432; do sleep 1; done\npython manage.py migrate\nexec gunicorn app:app\n'}, ["TF05-build-at-run", "TF12-migrate-on-boot"]),
    ("prestart migrate", NODE|packages({"pg":"8.0.0","knex":"3.0.0"},scripts={"prestart":"knex migrate:latest"})|{"app.json":'{"addons":["heroku-postgresql"]}'}, ["TF05-build-at-run", "TF12-migrate-on-boot"]),
    ("typeorm migrationsRun", NODE|packages({"pg":"8.0.0","typeorm":"0.3.0"})|{"src/db.ts":"export default new DataSource({ type: 'postgres', migrationsRun: true })\n","app.json":'{"addons":["heroku-postgresql"]}'}, ["TF12-migrate-on-boot"]),
    ("drizzle migrate() at start", NODE|packages({"pg":"8.0.0","drizzle-orm":"0.30.0"})|{"src/server.ts":"import { migrate } from 'drizzle-orm/node-postgres/migrator'\nawait migrate(db, { migrationsFolder: 'drizzle' })\n","app.json":'{"addons":["heroku-postgresql"]}'}, ["TF12-migrate-on-boot"]),
    ("execSync migrate", NODE|packages({"pg":"8.0.0","prisma":"5.0.0"})|{"src/server.js":"const { execSync } = require('child_process')\nexecSync('npx prisma migrate deploy')\n","app.json":'{"addons":["heroku-postgresql"]}'}, ["TF12-migrate-on-boot"]),
    ("py subprocess alembic", PY|PG|{"app.py":"import flask, subprocess\nsubprocess.run(['alembic','upgrade','head'])\n","requirements.txt":PG["requirements.txt"]+"alembic==1.13\n"}, ["TF12-migrate-on-boot"]),
    ("flask-migrate upgrade() imported", PY|PG|{"requirements.txt":PG["requirements.txt"]+"flask-migrate==4.0\n","app.py":"import flask\nfrom flask_migrate import Migrate, upgrade\nwith app.app_context():\n    upgrade()\n"}, ["TF12-migrate-on-boot"]),
    ("create_all startup event", PY|PG|{"app.py":"import flask\n@app.on_event('startup')\nasync def s():\n    async with engine.begin() as c:\n        await c.run_sync(Base.metadata.create_all)\n"}, ["TF12-startup-ddl"]),
    ("tortoise generate_schemas", PY|PG|{"app.py":"import flask\nregister_tortoise(app, db_url=u, generate_schemas=True)\n"}, ["TF12-startup-ddl"]),
    ("peewee create_tables", PY|PG|{"app.py":"import flask\ndb.create_tables([User])\n"}, ["TF12-startup-ddl"]),
    ("cursor CREATE TABLE multi", PY|PG|{"app.py":"import flask\ncur.execute('''\n    CREATE TABLE IF NOT EXISTS a (b int)\n''')\n"}, ["TF12-startup-ddl"]),
    ("const CREATE TABLE", PY|PG|{"app.py":"import flask\nSQL = 'CREATE TABLE IF NOT EXISTS a (b int)'\ncur.execute(SQL)\n"}, ["TF12-startup-ddl"]),
    ("models sync force", NODE|packages({"pg":"8.0.0","sequelize":"6.0.0"})|{"server.js":"const express=require('express')\nUser.sync({ force: true })\n","app.json":'{"addons":["heroku-postgresql"]}'}, ["TF12-startup-ddl"]),
    ("go AutoMigrate", GO|{"db.go":"package main\nfunc f() { db.AutoMigrate(&User{}) }\n"}, ["TF12-startup-ddl"]),
    ("go Exec CREATE", GO|{"db.go":"package main\nfunc f() { db.Exec(`\nCREATE TABLE IF NOT EXISTS a (b int)`) }\n"}, ["TF12-startup-ddl"]),
    ("ent Schema.Create", GO|{"db.go":"package main\nfunc f() { client.Schema.Create(ctx) }\n"}, ["TF12-startup-ddl"]),
    ("spring generate-ddl", JAVA|pom(PGJ)|{"src/main/resources/application.properties":"spring.jpa.generate-ddl=true\n"}, ["TF12-startup-ddl"]),
    ("spring sql init always", JAVA|pom(PGJ)|{"src/main/resources/application.yml":"spring:\n  sql:\n    init:\n      mode: always\n"}, ["TF12-startup-ddl"]),
    ("ruby Sequel create_table", RUBY|{"app.rb":"DB.create_table?(:a) { primary_key :id }\n"}, ["TF12-startup-ddl"]),
    ("poetry run web, python release", PY|PG|{"Procfile":"web: poetry run gunicorn app:app\nrelease: python manage.py migrate\n"}, ["TF12-admin-different-env"]),
    ("uv run web, alembic release", PY|PG|{"Procfile":"web: uv run gunicorn app:app\nrelease: alembic upgrade head\n"}, ["TF12-admin-different-env"]),
    ("dist js build", NODE|packages({},scripts={"build":"tsc","start":"node dist/server.js"})|{"dist/server.js":"","src/server.ts":""}, ["TF01-build-artifact-committed"]),
    ("build react", NODE|packages({"react":"19.0.0","react-scripts":"5.0.1"},scripts={"build":"react-scripts build"})|{"build/static/js/main.3f2a1b9c.js":"","build/asset-manifest.json":"{}","build/index.html":""}, ["TF01-build-artifact-committed"]),
    ("staticfiles collected", DJ|{"staticfiles/admin/css/base.css":"","staticfiles/staticfiles.json":"{}"}, ["TF01-build-artifact-committed"]),
    ("public packs", RPG|{"public/assets/application-3f2a1b9c3f2a1b9c3f2a1b9c3f2a1b9c.js":"","public/assets/.sprockets-manifest-abc.json":"{}"}, ["TF01-build-artifact-committed"]),
    ("two apps shared dir", {"a/Procfile":"web: node s.js\n","a/package.json":"{}","a/s.js":"require('../shared/lib')\n","b/Procfile":"web: node s.js\n","b/package.json":"{}","b/s.js":"require('../shared/lib')\n","shared/lib.js":""}, ["TF01-shared-code"]),
]  # fmt: skip
RIGHT = [
    ("py constraints.txt pins", PY|{"requirements.txt":"-c constraints.txt\nflask\n","constraints.txt":"flask==3.1.0\n"}, []),
    ("py req + pip freeze lock file", PY|{"requirements.txt":"flask\n","requirements.lock":"flask==3.1.0\n"}, []),
    ("py req + requirements-lock.txt", PY|{"requirements.txt":"flask\n","requirements-lock.txt":"flask==3.1.0\n"}, []),
    ("node github commit", without(NODE, "package-lock.json")|packages({"lib":"github:a/lib#1a2b3c4d5e"}), []),
    ("node github tag", without(NODE, "package-lock.json")|packages({"lib":"github:a/lib#v1.2.3"}), []),
    ("pip unpinned in lib", {"pyproject.toml":'[build-system]\nrequires=["hatchling"]\n[project]\nname="lib"\ndependencies=["requests"]\n',"lib/__init__.py":"import requests\n"}, []),
    ("starlette via fastapi", PY|{"requirements.txt":"fastapi==0.115\nuvicorn==0.30\n","app.py":"from fastapi import FastAPI\nfrom starlette.middleware.cors import CORSMiddleware\nfrom pydantic import BaseModel\n"}, []),
    ("botocore via boto3", PY|requirements("boto3==1.34\n")|app("import boto3\nfrom botocore.exceptions import ClientError\n"), []),
    ("tsconfig paths", NODE|{"tsconfig.json":'{"compilerOptions":{"baseUrl":"src","paths":{"@app/*":["src/*"]}}}',"src/a.ts":"import x from '@app/x'\n"}, []),
    ("js string", NODE|js("console.log(\"require('lodash')\")\n"), []),
    ("which guarded", PY|app("import subprocess, shutil\nif shutil.which('git'):\n    subprocess.run(['git','log'])\n"), []),
    ("try FileNotFoundError", PY|app("import subprocess\ntry:\n    subprocess.check_output(['git','rev-parse','HEAD'])\nexcept (FileNotFoundError, OSError):\n    pass\n"), []),
    ("try Exception git", PY|app("import subprocess\ntry:\n    v = subprocess.check_output(['git','rev-parse','HEAD'])\nexcept Exception:\n    v = 'unknown'\n"), []),
    ("systeminfo windows open", PY|app("import subprocess,sys\nif sys.platform == 'darwin':\n    subprocess.run(['open','x'])\nelif sys.platform=='win32':\n    subprocess.run(['cmd','x'])\n"), []),
    ("js regex exec", NODE|js("const cp = require('child_process')\n/x/.exec('convert')\nre.exec('git log')\n"), []),
    ("app.yaml runtime", without(PY, ".python-version")|{"app.yaml":"runtime: python313\nentrypoint: gunicorn app:app\n"}, []),
    ("go build ok docker", without(GO,"Procfile")|{"Dockerfile":'FROM golang:1.26 AS build\nCOPY main.go .\nRUN go build -o /shop\nFROM gcr.io/distroless/static-debian12\nCOPY --from=build /shop /shop\nCMD ["/shop"]\n'}, []),
    ("app.yaml entrypoint gae", without(PY, "Procfile")|{"app.yaml":"runtime: python313\nentrypoint: gunicorn -b :$PORT app:app\n"}, []),
    ("prod stage then dev last", without(PY, "Procfile")|{"Dockerfile":"FROM python:3.13-slim AS base\nRUN pip install -r requirements.txt\nFROM base AS production\nCMD gunicorn app:app\nFROM base AS development\nCMD flask run\n"}, []),
    ("entry if DEBUG flask run else gunicorn", without(PY, "Procfile")|{"Dockerfile":DF+'COPY run.sh .\nCMD ["./run.sh"]\n',"run.sh":'#!/bin/sh\nif [ "$FLASK_ENV" = development ]; then\n  exec flask run\nfi\nexec gunicorn app:app\n'}, []),
    ("entry if DEBUG else", without(PY, "Procfile")|{"Dockerfile":DF+'COPY run.sh .\nCMD ["./run.sh"]\n',"run.sh":'#!/bin/sh\nif [ "$APP_ENV" = "production" ]; then\n  exec gunicorn app:app\nelse\n  exec flask run\nfi\n'}, []),
    ("entry case dev", without(PY, "Procfile")|{"Dockerfile":DF+'COPY run.sh .\nENTRYPOINT ["./run.sh"]\nCMD ["web"]\n',"run.sh":'#!/bin/sh\ncase "$1" in\n  dev)\n    exec flask run\n    ;;\n  web)\n    exec gunicorn app:app\n    ;;\nesac\n'}, []),
    ("npm ci guarded by test -d", NODE|{"Dockerfile":'FROM node:24-slim\nCOPY server.js .\nCMD ["./e.sh"]\n',"e.sh":'#!/bin/sh\nif [ "$NODE_ENV" = "development" ]; then\n  npm install\nfi\nexec node server.js\n'}, []),
    ("py write in comment", PY|{"app.py":"import flask\n# open('static/a','w')\n"}, []),
    ("py write in script", PY|{"scripts/gen.py":"open('static/data.json','w').write('x')\n"}, []),
    ("js write script", NODE|{"scripts/sitemap.js":"const fs=require('fs')\nfs.writeFileSync('public/feed.xml', x)\n"}, []),
    ("js comment", NODE|{"server.js":"const fs=require('fs')\n// fs.writeFileSync('public/feed.xml', x)\n"}, []),
    ("RUN chmod migrate.sh", DJ|{"Dockerfile":DF+"COPY migrate.sh .\nRUN chmod +x migrate.sh\nCMD gunicorn shop.wsgi\n"}, []),
    ("mkdir seeds", DJ|{"Dockerfile":DF+"RUN mkdir -p /app/seeds && chown app /app/seeds\nCMD gunicorn shop.wsgi\n"}, []),
    ("cp seed.sql", DJ|{"Dockerfile":DF+"RUN cp seed.sql /docker-entrypoint-initdb.d/\nCMD gunicorn shop.wsgi\n"}, []),
    ("kustomize sets tag", PY|{"k8s/kustomization.yaml":"kind: Kustomization\nimages:\n- name: shop\n  newTag: v42\n","k8s/d.yaml":"kind: Pod\nspec:\n  containers:\n  - image: shop\n"}, []),
    ("serverless.yml", without(PY,"Procfile")|{"serverless.yml":"provider:\n  name: aws\nfunctions:\n  web:\n    handler: app.handler\n"}, []),
    ("gradle spring no start", {"build.gradle":"plugins { id 'org.springframework.boot' version '3.5.0' }\njava { toolchain { languageVersion = JavaLanguageVersion.of(21) } }\ndependencies {\n implementation 'org.springframework.boot:spring-boot-starter-web'\n}\n"}, []),
    ("go cmd dir no start", {"go.mod":GO["go.mod"],"go.sum":"x","cmd/server/main.go":GO["main.go"]}, []),
    ("config class test file", PY|PG|{"config.py":"class TestingConfig:\n    SQLALCHEMY_DATABASE_URI = 'sqlite:///test.db'\n"}, []),
    ("django if 'test' in argv sqlite", DJ|{"shop/settings.py":"import os, sys\nDATABASES={'default':{}}\nif 'test' in sys.argv:\n    DATABASES['default'] = {'ENGINE':'django.db.backends.sqlite3'}\n"}, []),
    ("django if TESTING sqlite", DJ|{"shop/settings.py":"import os, sys\nDATABASES={'default':{}}\nif TESTING:\n    DATABASES['default'] = {'ENGINE':'django.db.backends.sqlite3'}\n"}, []),
    ("knexfile test sqlite", NODE|packages({"knex":"3.0.0","pg":"8.11.0"},dev={"sqlite3":"5.0.0"})|{"knexfile.js":"module.exports = {\n test: { client: 'sqlite3', connection: {filename:':memory:'} },\n production: { client: 'pg' } }\n","app.json":'{"addons":["heroku-postgresql"]}'}, []),
    ("script sqlite import", PY|PG|{"scripts/import.py":"import sqlite3\nsqlite3.connect('old.db')\nX='sqlite:///old.db'\n"}, []),
    ("check scheme", PY|PG|{"app.py":"import flask\nif url.startswith('sqlite://'):\n    x = 1\n"}, []),
    ("sqlite dialect compare", PY|PG|{"app.py":"import flask\nif engine.dialect.name == 'sqlite':\n    pass\nif conn.vendor == 'django.db.backends.sqlite3': pass\n"}, []),
    ("timescale pg16 tag", PY|PG|compose("services:\n  db:\n    image: timescale/timescaledb:2.14.2-pg16\n")|{".github/workflows/ci.yml":"on: push\njobs:\n  t:\n    services:\n      db:\n        image: postgres:16\n"}, []),
    ("celery eager if TESTING", DJ|{"shop/settings.py":"import sys\nif 'test' in sys.argv:\n    CELERY_TASK_ALWAYS_EAGER = True\n"}, []),
    ("entrypoint guarded then rest", without(PY,"Procfile")|PG|{"Dockerfile":DF+'COPY e.sh .\nENTRYPOINT ["./e.sh"]\n',"e.sh":'#!/bin/bash\nif [ "$RUN_MIGRATIONS" = "1" ]; then\n  python manage.py migrate\nfi\nexec gunicorn app:app\n'}, []),
    ("proc worker migrate type", DJ|{"Procfile":"web: gunicorn shop.wsgi\nmigrate: python manage.py migrate\n"}, []),
    ("proc seed type", DJ|{"Procfile":"web: gunicorn shop.wsgi\nseed: python manage.py loaddata x\n"}, []),
    ("gunicorn --random-seed", PY|{"Procfile":"web: python serve.py --seed 42\n","serve.py":"import flask\n"}, []),
    ("create_all in __main__ under gunicorn", PY|PG|{"app.py":"import flask\napp = 1\nif __name__ == '__main__':\n    db.create_all()\n    app.run()\n"}, []),
    ("fastapi param depends", PY|PG|{"app.py":"import flask\n@router.post('/reset')\ndef m(user = Depends(get_current_admin)):\n    db.drop_all()\n"}, []),
    ("dockerignore bin obj", without(GO,"Procfile")|{".dockerignore":"bin/\n","bin/shop":"\x7fELF","Dockerfile":'FROM golang:1.26\nCOPY . .\nCMD ["shop"]\n'}, []),
]  # fmt: skip


@pytest.mark.parametrize(("files", "expected"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_is_wrong_is_found(files, expected):
    assert found(files) == expected


@pytest.mark.parametrize(("files", "expected"), [row[1:] for row in RIGHT], ids=[row[0] for row in RIGHT])
def test_what_is_right_is_not(files, expected):
    assert found(files) == expected


@pytest.mark.parametrize(
    "files", [PY, NODE, RUBY, GO, JAVA, DJ], ids=["Flask", "Express", "Rails", "Gin", "Spring", "Django"]
)
def test_a_plain_app_passes(files):
    code = Codebase.of(files)
    verdicts = {one.item: one.verdict.value for one in judge(code, findings(code, RULES), witnesses(), relevances())}
    assert [verdicts[item] for item in ("I", "II", "V")] == ["pass"] * 3
