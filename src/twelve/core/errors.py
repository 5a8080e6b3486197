"""Every error a person can meet: one sentence, where it is, what to do; exit codes banded by stage.

TwelveError                    1  unexpected: a defect of twelve itself
├── UsageError                 2  the command line or a request makes no sense
├── NotFound                   3  an app, release, process or resource nobody knows
├── Conflict                   4  the name is taken, or somebody else is at it
├── Unauthorized               5
├── Misdirected                6  a request for a host name that is not ours
├── SourceError               10  the codebase cannot be read
│   └── HostileArchive        11
├── BuildError                20  the build failed
│   ├── BadProcfile           21
│   ├── BadManifest           22  app.json, a lock file, package.json ...
│   └── MissingInterpreter    23
├── ConfigError               30
│   ├── BadDotenv             31
│   ├── MissingConfig         32  keys the app needs and nobody set
│   └── BadModel              33  the model that config asks for is not there, or is not what it says
├── ServiceError              40
│   └── ServiceUnreachable    41
├── ReleaseError              50
│   ├── ReleaseCommandFailed  51
│   └── CandidateRefused      52  the gate refused a model that a retraining has made
├── RunError                  60
│   ├── BootTimeout           61  never bound $PORT, or bound another one (R10)
│   ├── BootCrash             62  exited before it was healthy
│   └── TrainingFailed        63  a retraining's process ended without a model, or its gate could not judge
├── RouterError               70
└── PlatformError             80  the platform cannot run here
    ├── ServerUnreachable     81
    ├── PortTaken             82
    ├── DiskFull              83
    └── CorruptState          84
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a file, 1-based; column 0 means the whole line, line 0 the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)])


class TwelveError(Exception):
    """One sentence for a person: what happened, where, and what to do about it."""

    exit_code = 1
    http_status = 500
    id = "internal_error"

    def __init__(
        self, message: str, *, where: Where | None = None, hint: str = "", log: tuple[str, ...] = (), resource: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint
        self.log = log
        self.resource = resource

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f" {self.hint}" if self.hint else ""
        return f"{place}{self.message}{advice}"


class UsageError(TwelveError):
    exit_code, http_status, id = 2, 422, "invalid_params"


class NotFound(TwelveError):
    exit_code, http_status, id = 3, 404, "not_found"


class Conflict(TwelveError):
    exit_code, http_status, id = 4, 409, "conflict"


class Unauthorized(TwelveError):
    exit_code, http_status, id = 5, 401, "unauthorized"


class Misdirected(TwelveError):
    exit_code, http_status, id = 6, 421, "misdirected_request"


class SourceError(TwelveError):
    exit_code, http_status, id = 10, 422, "source_failed"


class HostileArchive(SourceError):
    exit_code, id = 11, "hostile_archive"


class BuildError(TwelveError):
    exit_code, http_status, id = 20, 422, "build_failed"


class BadProcfile(BuildError):
    exit_code, id = 21, "bad_procfile"


class BadManifest(BuildError):
    exit_code, id = 22, "bad_manifest"


class MissingInterpreter(BuildError):
    exit_code, id = 23, "missing_interpreter"


class ConfigError(TwelveError):
    exit_code, http_status, id = 30, 422, "config_invalid"


class BadDotenv(ConfigError):
    exit_code, id = 31, "bad_dotenv"


class MissingConfig(ConfigError):
    exit_code, id = 32, "missing_config"


class BadModel(ConfigError):
    exit_code, id = 33, "bad_model"


class ServiceError(TwelveError):
    exit_code, http_status, id = 40, 422, "service_failed"


class ServiceUnreachable(ServiceError):
    exit_code, http_status, id = 41, 503, "service_unreachable"


class ReleaseError(TwelveError):
    exit_code, http_status, id = 50, 422, "release_failed"


class ReleaseCommandFailed(ReleaseError):
    exit_code, id = 51, "release_command_failed"


class CandidateRefused(ReleaseError):
    exit_code, id = 52, "candidate_refused"


class RunError(TwelveError):
    exit_code, http_status, id = 60, 422, "run_failed"


class BootTimeout(RunError):
    exit_code, id = 61, "boot_timeout"


class BootCrash(RunError):
    exit_code, id = 62, "boot_crash"


class TrainingFailed(RunError):
    exit_code, id = 63, "training_failed"


class RouterError(TwelveError):
    exit_code, http_status, id = 70, 503, "router_failed"


class PlatformError(TwelveError):
    exit_code, http_status, id = 80, 503, "platform_failed"


class ServerUnreachable(PlatformError):
    exit_code, id = 81, "server_unreachable"


class PortTaken(PlatformError):
    exit_code, id = 82, "port_taken"


class DiskFull(PlatformError):
    exit_code, http_status, id = 83, 507, "disk_full"


class CorruptState(PlatformError):
    exit_code, id = 84, "corrupt_state"


def all_errors(root: type[TwelveError] = TwelveError) -> dict[str, type[TwelveError]]:
    """Every error class by its id: how a client turns an API answer back into the error it was."""
    found = {root.id: root}
    for child in root.__subclasses__():
        found |= all_errors(child)
    return found
