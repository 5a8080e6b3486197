"""What a killed audit has left, taken away: a program of its own, begun by audit/probes/guardian.py."""

import sys
from pathlib import Path

from twelve.audit.probes.throwaway import take_away

if __name__ == "__main__":
    take_away(Path(sys.argv[1]))
