"""Which numbers processes have: those of a formation begin at 1, one-offs count from 1000."""

HIGHEST = 999
ONE_OFFS = range(1000, 10000)
