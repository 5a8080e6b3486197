"""One file with very many of the same: what asks the whole file about each of them stops after the first few hundred."""

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.facts.comments import MOST
from twelve.audit.facts.programs import python_calls
from twelve.audit.facts.state import changed_by_requests
from twelve.audit.rules.f06_sessions import files_written
from twelve.audit.rules.f06_uploads import uploads_saved
from twelve.audit.rules.f08_types import schedulers
from twelve.audit.rules.f09_jobs import losing

NUMBERS = range(MOST + 50)


def each(line):
    return "".join(line.format(n=n) for n in NUMBERS)


RUBY = "class W\n  include Sidekiq::Job\n  def perform(x)\n    a\n  rescue => e\n    b\n  end\nend\n"
BULL = "new Worker('a', async job => {{ try {{ a(job) }} catch (e) {{ console.log(e) }} }})\n"


@pytest.mark.parametrize(
    ("extract", "path", "text"),
    [
        (files_written, "a.py", "@app.get('/')\ndef a(request): pass\n" + each("open('f{n}.txt', 'w')\n")),
        (uploads_saved, "a.py", "from fastapi import UploadFile\n" + each("file.save('up/{n}')\n")),
        (schedulers, "a.py", "def f():\n    while True:\n        work()\n" + each("Thread(target=f)\n")),
        (losing, "a.rb", RUBY * len(NUMBERS)),
        (losing, "a.js", "require('bullmq')\n" + each(BULL)),
        (python_calls, "a.py", "import subprocess\n" + each("subprocess.run(['convert', 'f{n}'])\n")),
        (lambda file: list(changed_by_requests(file)), "a.rb",
         "get '/' do\nend\n" + each("$a{n} = 1\n") + each("  $a{n} += 1\n")),
    ],
)  # fmt: skip
def test_no_more_are_looked_at(extract, path, text):
    file = Codebase.of({path: text}).get(path)
    assert len(extract(file)) == MOST
