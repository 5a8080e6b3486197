"""Less memory for the same server: one arena for all threads, and pages that only its start needed given back.

Linking and initialising a library touches most of its file, a server that runs needs a third of that. What is wanted
after all comes back from the page cache. An arena for each thread would let them allocate side by side, which the
interpreter's lock does not let them do anyway.
"""

import ctypes
import re
from pathlib import Path

# a mapping nobody writes to, of a library's file, of which no page was ever written: relocated tables were
PURE = re.compile(r"^(\w+)-(\w+) r-[x-]p \S+ \S+ \S+ +/\S*\.so[.\d]*\n(?:\w+: .*\n)*?Anonymous: +0 kB$", re.MULTILINE)
MADV_DONTNEED = 4
M_ARENA_MAX = -8


def share_one_arena() -> None:
    """Before the first thread. Of glibc: elsewhere nothing happens."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_ARENA_MAX, 1)


def give_back() -> None:
    advise = ctypes.CDLL(None).madvise
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for begin, end in PURE.findall(Path("/proc/self/smaps").read_text()):
        advise(int(begin, 16), int(end, 16) - int(begin, 16), MADV_DONTNEED)
