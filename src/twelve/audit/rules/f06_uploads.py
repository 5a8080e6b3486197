"""Factor VI, where uploads go, and volumes that processes share."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from twelve.audit.codebase import Codebase, Kind, SourceFile, extraction
from twelve.audit.facts import manifests, start, yamls
from twelve.audit.facts.comments import MOST, in_code, uncommented
from twelve.audit.facts.dockerfile import production_stages
from twelve.audit.model import Hit
from twelve.audit.rule import ERROR, INFO, WARNING, Rulebook
from twelve.audit.rules.f06_sessions import given

RULES = Rulebook()
_REMOTE = re.compile(r"(?i)s3|gcs|gcloud|google|azure|swift|cloudinary|minio|dropbox|spaces|blob")
_MEDIA = re.compile(r"^MEDIA_ROOT\b[^=\n]*=\s*(?P<value>[^\n]+)", re.MULTILINE)
_STORAGE = re.compile(
    r"""["']default["']\s*:\s*\{[^{}]{0,500}?["']BACKEND["']\s*+:\s*+["'](?P<backend>[\w.]+)["']"""
    r"""|^[ \t]*(?:DEFAULT_FILE_STORAGE|STORAGES\[["']default["']\])[^=\n]{0,100}+="""
    r"""[^\n]{0,300}?["'](?P<named>[\w.]{1,100}(?:Storage|storage)[\w.]{0,100})["']""",
    re.MULTILINE,
)


@extraction(language="python", needles=("MEDIA_ROOT", "DEFAULT_FILE_STORAGE", "STORAGES"))
def django_storage(file: SourceFile) -> list[tuple[str, int, str]]:
    """("root", line, value) of MEDIA_ROOT, ("storage", line, class) of each default storage."""
    roots = [("root", line, match["value"]) for line, match in in_code(file, _MEDIA)]
    storages = []
    for _, match in in_code(file, _STORAGE):
        group = "backend" if match["backend"] else "named"
        storages.append(("storage", file.line_at(match.start(group)), match[group]))
    return roots + storages


@extraction(language="python", needles=("FileField(", "ImageField(", "default_storage", "settings.MEDIA_ROOT"))
def keeps_files(file: SourceFile) -> bool:
    return "/migrations/" not in file.path


_UPLOADS = {
    "python": re.compile(
        r"""\b(?:file|f|upload\w*|image|photo|avatar|picture|pic|img|uploaded_file|\w\.data)\.save\(\s*(?P<path>(?!\)|\w+\s*=)[^\n]+)"""
        r"""|request\.files(?:\[[^\]\n]{1,60}\]|\.get\([^()\n]{1,60}\))\.save\(\s*(?P<files>[^\n]+)"""
        r"""|(?<![\w.])(?:aiofiles\.)?open\(\s{0,9}(?P<opened>[^\s,][^\n]{0,160}?),\s{0,9}(?:mode\s?=\s?)?["'][wx]b\+?["']\)"""
        r"""\s{1,9}as\s{1,9}\w{1,60}:(?=\n[^\n]{0,200}(?:copyfileobj\(|\.chunks\(|\.write\())"""
        r"""|\b(?P<written>\w+)\.write_bytes\(\s*(?:await\s+)?\w+(?:\.file)?\.read\("""
        r"""|\bFileSystemStorage\((?P<fs>[^()\n]{0,100})\)"""
    ),
    "javascript": re.compile(
        r"""["']?multer["']?\)?\(\s*\{[^}]{0,500}?\bdest\s*+:\s*+(?P<path>[^\n,}]{1,300})|(?:multer\.|(?<![\w.]))(?P<disk>diskStorage)\("""
        r"""|Files?Interceptor\(\s*["'][^"'\n]{1,60}["']\s*,[^{}()]{0,40}\{\s*dest\s*:\s*(?P<dest>[^\n,}]{1,300})"""
        r"""|\.mv\(\s*(?P<mv>[^\n,]+)|\buploadDir\s*[:=]\s*(?P<dir>[^\n,]+)"""
    ),
    "ruby": re.compile(
        r"^[ \t]*storage\s+:(?P<carrier>file)\b|config\.active_storage\.service\s*=\s*:(?P<active>local|disk)\b"
        r"|\b(?:File\.(?:open|write)|FileUtils\.(?:cp|mv|copy))\(\s*(?P<path>[^\n]{1,200})",
        re.MULTILINE,
    ),
    "go": re.compile(
        r"\.SaveUploadedFile\(\s*\w+\s*,\s*(?P<path>[^\n)]+)|\bos\.(?:Create|OpenFile)\(\s*(?P<created>[^\n)]+)"
    ),
    "java": re.compile(
        r"\.transferTo\(\s*(?P<path>new File|Paths?|\w*[fF]ile|\w*[pP]ath|\w*dest\w*)"
        r"|\bFiles\.copy\(\s*\w+\.getInputStream\(\)\s*,\s*(?P<copied>[^\n;]{1,200})"
        r"|\bFiles\.write\(\s*(?P<written>[^\n;]{1,200}?),\s*\w+\.getBytes\("
    ),
}  # fmt: skip
_UPLOADS["typescript"] = _UPLOADS["javascript"]
_TEMPORARY = re.compile(r"(?i)/tmp\b|tmpdir|tempfile|tempdir|\btemp\b|\btmp\w*|BytesIO|buffer|createTemp|memoryStorage")
# What a file must have in it for such a call to be about an upload.
_IS_UPLOAD = {
    "python": re.compile(r"request\.(?:files|FILES)|UploadFile|secure_filename|FileStorage|getlist\("),
    "go": re.compile(r"FormFile\(|MultipartForm|MultipartReader|SaveUploadedFile"),
    "java": re.compile(r"MultipartFile|\bPart\b|transferTo"),
}


@extraction(
    language=tuple(_UPLOADS),
    needles=(
        ".save(",
        "multer",
        "diskStorage",
        "Interceptor(",
        ".mv(",
        "uploadDir",
        "storage",
        "SaveUploadedFile",
        "transferTo",
        "UploadFile",
        "request.FILES",
        ":tempfile",
        "FormFile(",
        "MultipartFile",
    ),
)
def uploads_saved(file: SourceFile) -> list[tuple[int, str]]:
    if (known := _IS_UPLOAD.get(file.language)) and not known.search(file.text):
        return []
    if file.language == "ruby" and not _takes_uploads(file):
        return []
    found = []
    for line, match in islice(in_code(file, _UPLOADS[file.language]), MOST):
        told = next((text for text in match.groupdict().values() if text), "disk")
        if match.groupdict().get("disk"):
            told = f"disk {match.string[match.end() : match.end() + 160]}"
        if not _TEMPORARY.search(given(file, told.partition(",")[0])) and not (
            file.language != "ruby" and re.fullmatch(r"^\s*+(?:out|stream|buf\w*+)\)?.*", told)
        ):
            found.append((line, "disk" if told.startswith("disk ") else told.strip(" '\"`)")))
    return found


def _takes_uploads(file: SourceFile) -> bool:
    """CarrierWave's own, Rails' choice for production, or what Rack has of an upload."""
    return "[:tempfile]" in file.text or bool(re.search(r"uploaders?/|environments/production\.rb$", file.path))


@RULES.of_code(
    "TF06-local-upload",
    ERROR,
    "Uploads are kept on the disk of one process.",
    fix="Keep them in an object store that is attached by its URL.",
    why="Any data that needs to persist must be stored in a stateful backing service.",
    bad={"app.js": "const upload = require('multer')({ dest: 'uploads/' })\n"},
    good={"app.js": "const upload = require('multer')({ storage: multerS3({ s3, bucket: process.env.S3_BUCKET }) })\n"},
)
def uploads_are_local(code: Codebase) -> Iterator[Hit]:
    yield from _of_django(code)
    attaches = bool(code.find("*.rb", kinds=[Kind.PRODUCTION])) and any(
        re.search(rb"has_(?:one|many)_attached", file.data) for file in code.find("app/models/*.rb")
    )
    for file, found in code.extracted(uploads_saved):
        for line, told in found:
            if told not in {"local", "disk"} or file.language != "ruby" or attaches:
                yield Hit(file.path, line, f"Uploads are saved to {told[:60]}.")


def _of_django(code: Codebase) -> Iterator[Hit]:
    """A root that nothing stores files in harms nobody; one that a variable or a bucket can replace is half the way."""
    rows = [(file, kind, line, value) for file, found in code.extracted(django_storage) for kind, line, value in found]
    roots = [(file, line, value) for file, kind, line, value in rows if kind == "root" and value.strip("\"' ")]
    storages = [(file, line, value) for file, kind, line, value in rows if kind == "storage"]
    local = [one for one in storages if "FileSystemStorage" in one[2]]
    remote = [one for one in storages if _REMOTE.search(one[2])]
    if not (roots or local) or (remote and not local) or not code.extracted(keeps_files):
        return
    file, line, value = (local or roots)[0]
    switched = bool(remote) or any(re.search(r"environ|getenv|env[.(]|config\(", text) for _, _, text in roots)
    yield Hit(
        file.path,
        line,
        f"Uploads are saved to {'the local disk' if local else value[:60]}.",
        WARNING if switched else None,
    )


_SERVICES = re.compile(
    r"(?i)postgres|mysql|mariadb|mongo|redis|valkey|memcached|rabbit|kafka|zookeeper|elastic|opensearch|minio|clickhouse"
    r"|influx|grafana|prometheus|nginx|traefik|caddy|mailpit|mailhog|localstack|jaeger|vault|consul|etcd|cassandra|neo4j"
)
_SOURCE_MOUNT = re.compile(r"^(?:\.|~|\$|/var/run/docker\.sock|/etc/)")
_OF_THE_HOST = re.compile(r"/(?:etc|dev|proc|sys|lib|usr|run|var/run|var/log|tmp)?(?:/|$)")
_NO_DATA = re.compile(
    r"node_modules|venv|site-packages|\.cache|bundle|\.m2|/tmp|static|logs?$|certs?|letsencrypt|target|gems|\.npm|:ro$"
)


@RULES.of_code(
    "TF06-compose-volume",
    WARNING,
    "A process of the app keeps data on a volume.",
    fix="Keep it in a backing service; a volume belongs to the service's own container.",
    why="Processes are stateless and share-nothing; a volume is state that they share.",
    bad={"compose.yml": "services:\n  web:\n    build: .\n    volumes:\n      - uploads:/app/uploads\n"},
    good={"compose.yml": "services:\n  web:\n    build: .\n  db:\n    image: postgres:17\n    volumes: [a:/b]\n"},
)
def data_is_on_a_volume(code: Codebase) -> Iterator[Hit]:
    origins = {one.path for one in code.fact(start.starts)}
    for file in code.written_in("yaml", kinds=(Kind.PRODUCTION, Kind.DEVELOPMENT)):
        if b"volume" not in file.data:
            continue
        for document in yamls.documents(file):
            if re.search(r"compose[^/]*$", file.path):
                main = not origins or file.path in origins or "prod" in file.name
                yield from _of_compose(file, document, None if main else INFO)
            elif isinstance(document, yamls.Map) and document.get("kind") == "Deployment":
                yield from _of_deployment(file, document)

    yield from _of_image(code)
    yield from _of_platforms(code)


def _of_image(code: Codebase) -> Iterator[Hit]:
    for stage in production_stages(code):
        for one in stage.of("VOLUME"):
            kept = [path for path in one.argv or one.value.split() if not _NO_DATA.search(path) and path != "/tmp"]  # noqa: S108 - scratch
            if kept:
                yield Hit(one.path, one.line, f"The image keeps data on the volume {kept[0]}.")


def _of_platforms(code: Codebase) -> Iterator[Hit]:
    """A disk of fly.io or Render belongs to one instance."""
    fly, render = code.get("fly.toml"), code.get("render.yaml")
    if fly and manifests.parsed_toml(fly).get("mounts"):
        yield Hit(fly.path, manifests.line_of(fly, "mounts"), "A process of the app has a volume of its own.")
    for document in yamls.documents(render) if render else []:
        for service in manifests.table(document).get("services") or []:
            if isinstance(service, yamls.Map) and "disk" in service:
                yield Hit("render.yaml", service.lines["disk"], "A process of the app has a disk of its own.")


def _of_compose(file: SourceFile, document: Any, severity: Any) -> Iterator[Hit]:
    for name, service in manifests.table(manifests.table(document).get("services")).items():
        image = str(manifests.table(service).get("image", ""))
        if not isinstance(service, yamls.Map) or _SERVICES.search(image) or ("build" not in service and not image):
            continue
        volumes = service.get("volumes")
        for one, line in zip(volumes, volumes.lines, strict=True) if isinstance(volumes, yamls.Seq) else ():
            told = f"{one.get('source', '')}:{one.get('target', '')}" if isinstance(one, yamls.Map) else str(one)
            if ":" in told and not _SOURCE_MOUNT.match(told) and not _NO_DATA.search(told):
                yield Hit(file.path, line, f"{name} keeps data on the volume {told.partition(':')[0]}.", severity)


def _of_deployment(file: SourceFile, document: yamls.Map) -> Iterator[Hit]:
    text = uncommented(file)
    images = re.findall(r"\bimage:\s*(\S+)", text)
    if images and all(_SERVICES.search(image) for image in images):
        return
    spec = manifests.table(manifests.table(manifests.table(document.get("spec")).get("template")).get("spec"))
    volumes = spec.get("volumes")
    for one in volumes if isinstance(volumes, yamls.Seq) else ():
        if isinstance(one, yamls.Map) and "persistentVolumeClaim" in one:
            yield Hit(file.path, one.lines["persistentVolumeClaim"], "A process of the app claims a persistent volume.")
        elif isinstance(one, yamls.Map) and _is_data_of_the_host(one.get("hostPath")):
            yield Hit(file.path, one.lines["hostPath"], "A process of the app keeps data on the disk of its host.")


def _is_data_of_the_host(told: Any) -> bool:
    return isinstance(told, yamls.Map) and not _OF_THE_HOST.match(str(told.get("path", "/")))
