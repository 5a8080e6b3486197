"""An audit with one of everything, and with what an attacker would put into it."""

from twelve.audit.model import ITEMS, Audit, Evidence, Finding, Judgement, Observation, Severity, Verdict

ESCAPE = "\x1b[2J\x1b]0;owned\x07"
SCRIPT = "<script>document.title='owned'</script>"
SAID = {
    "I": (Verdict.PASS, [("under version control with git, 214 files", "", None)], ""),
    "II": (
        Verdict.PARTIAL,
        [
            ("TF02-unpinned: flask may be any version.", "requirements.txt", 3),
            ("TF02-unpinned: redis may be any version.", "requirements.txt", 7),
            ("TF02-base-image-unpinned: python:latest is another image tomorrow.", "Dockerfile", 1),
        ],
        "Pin every version, best by a lock file.",
    ),
    "III": (
        Verdict.FAIL,
        [("TF03-hardcoded-secret: SECRET_KEY is written into the code.", "shop/settings/production.py", 41)],
        "Read it from the environment and fail at start when it is missing.",
    ),
    "IV": (Verdict.PASS, [("DATABASE_URL is read from the environment", "shop/database.py", 12)], ""),
    "V": (Verdict.PASS, [("`web: gunicorn shop:app` starts what the build has made", "Procfile", 1)], ""),
    "VI": (
        Verdict.FAIL,
        [("TF06-local-upload: uploads are written to ./uploads.", "shop/views/uploads.py", 88)],
        "Keep uploads in an object store, attached by URL.",
    ),
    "VII": (Verdict.PASS, [("gunicorn listens on $PORT by itself", "Procfile", 1)], ""),
    "VIII": (Verdict.PASS, [("web and worker are process types of their own", "Procfile", 2)], ""),
    "IX": (Verdict.PASS, [("gunicorn finishes what it has begun on SIGTERM", "Procfile", 1)], ""),
    "X": (Verdict.UNKNOWN, [("Nothing in the code speaks for or against it.", "", None)], "Run the audit with --live."),
    "XI": (
        Verdict.PARTIAL,
        [("TF11-buffered-stdout: what is printed waits in a buffer.", "Procfile", 2)],
        "Set PYTHONUNBUFFERED=1.",
    ),
    "XII": (Verdict.NOT_APPLICABLE, [("There is nothing to administer.", "", None)], ""),
}
FINDINGS = [
    ("TF02-unpinned", "II", Severity.WARNING, "requirements.txt", 3, "flask may be any version."),
    ("TF02-unpinned", "II", Severity.WARNING, "requirements.txt", 7, "redis may be any version."),
    ("TF02-base-image-unpinned", "II", Severity.WARNING, "Dockerfile", 1, "python:latest is another image tomorrow."),
    ("TF03-hardcoded-secret", "III", Severity.ERROR, "shop/settings/production.py", 41, "SECRET_KEY is in the code."),
    ("TF06-local-upload", "VI", Severity.ERROR, "shop/views/uploads.py", 88, "Uploads are written to ./uploads."),
    ("TF11-buffered-stdout", "XI", Severity.WARNING, "Procfile", 2, "What is printed waits in a buffer."),
    ("TF11-file-handler", "XI", Severity.INFO, "tools/a b/ü#%.py", None, "The app writes its log to a file."),
]


SEEN = (
    Observation("TF09-live-kill9", "IX", Severity.ERROR, Verdict.PASS, "After SIGKILL it served again in 0.4 s.", ""),
    Observation("TF09-live-sigterm", "IX", Severity.ERROR, Verdict.FAIL, "It took 30 s to end.", "Exit on SIGTERM.",
                "twelve audit --live --factor IX"),
    Observation("TF04-live-swap", "IV", Severity.ERROR, Verdict.UNKNOWN, "It uses no service.", ""),
)  # fmt: skip


def finding(rule, item, severity, path, line, message, **more):
    meaning = {"error": Verdict.FAIL, "warning": Verdict.PARTIAL, "info": Verdict.PASS}[severity]
    key = f"{abs(hash((rule, path, line))):016x}"[:16]
    fix = {"error": "Mend it today.", "warning": "Mend it soon.", "info": "Think about it."}[severity]
    return Finding(rule, item, severity, path, line, message, fix, verdict=meaning, key=key, **more)


def sample(ai=Verdict.NOT_APPLICABLE):
    judgements = [
        Judgement(item, verdict, tuple(Evidence(*one) for one in evidence), todo)
        for item, (verdict, evidence, todo) in SAID.items()
    ]
    judgements += [Judgement(item, ai, (Evidence("There is no model."),)) for item in ITEMS if item.startswith("AI")]
    findings = [
        *(finding(*one) for one in FINDINGS),
        finding("TF03-env-groups", "III", Severity.WARNING, "shop/settings/a.py", 1, "Old.", known="in the baseline"),
        finding(
            "TF06-module-state", "VI", Severity.WARNING, "shop/cache.py", 9, "Kept.", suppressed="lossy <cache> | ok"
        ),
    ]
    notes = ("big.bin was not read: it is larger than 2 MiB.",)
    return Audit("shop", tuple(judgements), tuple(findings), notes, observations=SEEN)


def hostile():
    """The same words in every place that comes from the codebase."""
    words = f"{ESCAPE}{SCRIPT} | `x` ]]> & \n# head\u202e\x00"
    judged = (Judgement("III", Verdict.FAIL, (Evidence(words, words, 1),), words),)
    found = (
        finding("TF03-hardcoded-secret", "III", Severity.ERROR, words, 1, words),
        finding("TF03-hardcoded-secret", "III", Severity.ERROR, words, 2, words, suppressed=words),
        finding("TF03-hardcoded-secret", "III", Severity.ERROR, words, 3, words, known=words),
    )
    seen = (Observation(words, "III", Severity.ERROR, Verdict.FAIL, words, words, words),)
    return Audit(words, judged, found, (words,), observations=seen)
