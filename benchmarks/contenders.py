"""Other process managers, installed from the package index for one run, and started on the same commands as we are.

`installed(directory)` gives those that could be had; the others are left out with a sentence.
"""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
UV = Path(sys.prefix) / "bin" / "uv"
INSTALL_SECONDS = 120


@dataclass
class Contender:
    """`configure` writes its files and gives its command line; `outputs` are where the children's lines end up."""

    name: str
    configure: Callable[[Path, Mapping[str, str]], Sequence[str]]
    program: Path
    merged: bool  # all lines in one stream, each with its prefix; otherwise a raw copy a process
    notes: str = ""
    outputs: list[Path] = field(default_factory=list)

    def start(self, directory: Path, commands: Mapping[str, str]) -> subprocess.Popen[bytes]:
        directory.mkdir(parents=True)
        line = self.configure(directory, commands)
        out = directory / "stdout"
        self.outputs = [out] if self.merged else [directory / f"{name}.log" for name in commands]
        with out.open("wb") as stdout, (directory / "stderr").open("wb") as stderr:
            return subprocess.Popen(
                [*line], stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, cwd=directory, start_new_session=True,
                env={"PATH": f"{self.program.parent}:/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/"},
            )  # fmt: skip

    def stop(self, running: subprocess.Popen[bytes]) -> None:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(60)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def installed(directory: Path) -> list[Contender]:
    found = [Contender("epoll reader of 40 lines", _epoll_reader, Path(sys.executable), merged=True)]
    for package, make in (("honcho", _honchos), ("supervisor", _supervisords), ("circus", _circuses)):
        try:
            found += make(_venv(directory / package, package))
        except (OSError, subprocess.SubprocessError) as error:
            reason = getattr(error, "stderr", "") or str(error)
            print(f"{package} could not be installed, so it is left out: {reason.strip()[-300:]}", file=sys.stderr)
    return found


def _venv(directory: Path, package: str) -> Path:
    """Its directory of programs. setuptools: older releases ask for pkg_resources."""
    _said(UV, "venv", "--python", sys.executable, directory)
    python = directory / "bin" / "python"
    _said(UV, "pip", "install", "--compile-bytecode", "--python", python, package, "setuptools<81")
    line = "from importlib.metadata import version; import sys; print(version(sys.argv[1]))"
    (directory / "version").write_text(_said(python, "-c", line, package))
    return directory / "bin"


def _said(*words: str | Path) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=True)
    return done.stdout.strip()


def _version(bin_: Path) -> str:
    return (bin_.parent / "version").read_text()


def _epoll_reader(directory: Path, commands: Mapping[str, str]) -> Sequence[str]:
    return [sys.executable, str(HERE / "epoll_reader.py"), str(_procfile(directory, commands))]


def _honchos(bin_: Path) -> list[Contender]:
    def configure(directory: Path, commands: Mapping[str, str]) -> Sequence[str]:
        return [str(bin_ / "honcho"), "start", "-f", str(_procfile(directory, commands))]

    return [Contender(f"honcho {_version(bin_)}", configure, bin_ / "honcho", merged=True)]


def _supervisords(bin_: Path) -> list[Contender]:
    def configure(directory: Path, commands: Mapping[str, str], *, grouped: bool = False) -> Sequence[str]:
        head = "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=%(here)s/pid\n"
        head += "user=root\n" if os.getuid() == 0 else ""
        programs = "".join(
            f"[program:{name}]\ncommand={command.replace('%', '%%')}\nautorestart=false\nstartsecs=0\n"
            f"redirect_stderr=true\nstdout_logfile={directory}/{name}.log\nstdout_logfile_maxbytes=0\n"
            for name, command in commands.items()
        )
        group = f"[group:all]\nprograms={','.join(commands)}\n" if grouped else ""
        (directory / "conf").write_text(head + programs + group)
        return [str(bin_ / "supervisord"), "-c", str(directory / "conf")]

    def in_one_group(directory: Path, commands: Mapping[str, str]) -> Sequence[str]:
        return configure(directory, commands, grouped=True)

    name = f"supervisord {_version(bin_)}"
    return [
        Contender(name, configure, bin_ / "supervisord", merged=False),
        Contender(f"{name}, one group", in_one_group, bin_ / "supervisord", merged=False),
    ]


def _circuses(bin_: Path) -> list[Contender]:
    def configure(directory: Path, commands: Mapping[str, str]) -> Sequence[str]:
        ends = "".join(
            f"{name} = ipc://{directory}/{name}\n" for name in ("endpoint", "pubsub_endpoint", "stats_endpoint")
        )
        watchers = "".join(
            f"[watcher:{name}]\ncmd = {command.replace('$', '$$')}\nrespawn = False\nwarmup_delay = 0\n"
            f"stdout_stream.class = FileStream\nstdout_stream.filename = {directory}/{name}.log\n"
            for name, command in commands.items()
        )
        (directory / "ini").write_text(f"[circus]\nstatsd = False\n{ends}{watchers}")
        return [str(bin_ / "circusd"), "--log-level", "error", str(directory / "ini")]

    return [Contender(f"circus {_version(bin_)}", configure, bin_ / "circusd", merged=False)]


def _procfile(directory: Path, commands: Mapping[str, str]) -> Path:
    file = directory / "Procfile"
    file.write_text("".join(f"{name}: {command}\n" for name, command in commands.items()))
    return file


def quoted(*words: str) -> str:
    return shlex.join(words)
