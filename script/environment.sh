# Sourced by ./twelve and the scripts, with $here set to the checkout: is .venv fresh, and if not, make it so.
# .venv/stamp is written last. It holds the checkout's path (an environment does not survive a move), the lock's digest,
# and "dev" or "run"; an uv.lock newer than the stamp is looked at again.

fresh() { # [dev]
    [ -f "$here/.venv/stamp" ] && [ -x "$here/.venv/bin/python" ] && [ ! "$here/uv.lock" -nt "$here/.venv/stamp" ] || return 1
    { IFS= read -r path && read -r _ && read -r kind; } <"$here/.venv/stamp" || return 1
    [ "$path" = "$here" ] && [ "${1:-$kind}" = "$kind" ]
}

bootstrap() { # [--dev]
    python=$(find_python) || return
    "$python" -I "$here/script/bootstrap.py" "$@"
}

find_python() {
    for candidate in "${TWELVE_PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
        [ -n "$candidate" ] || continue
        "$candidate" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        echo "$candidate"
        return
    done
    echo "twelve: Python 3.11 or newer is needed and not on PATH: install one, or set TWELVE_PYTHON to its path." >&2
    return 80
}
