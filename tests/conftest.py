"""What every test starts from."""

import signal

# A shell without job control starts background jobs, which the tests may be, with these ignored; so would ours be then.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)
