"""What can go wrong on the way from a request to an answer, and before the first of them.

Unusable             the process cannot serve: one sentence, and an exit code
├── BadConfig        the environment is wrong (78)
└── Rejected         an artifact that may not be loaded, or a model that does not answer as it promised (1)

Problem              a request gets no prediction: one sentence, and an HTTP status
├── BadInput         400
├── Gone             nobody is left to be answered
├── Unknown          404
├── TooLarge         413
├── WrongType        415
├── NotReady         503
└── Exhausted        500: every level of the chain failed
"""


class Unusable(Exception):
    exit_code = 1


class BadConfig(Unusable):
    exit_code = 78


class Rejected(Unusable):
    pass


class Saturated(Exception):
    """Every thread is busy; the next level answers."""


class Problem(Exception):
    status = 500
    kind = "internal"


class BadInput(Problem):
    status = 400
    kind = "bad_input"


class Gone(Problem):
    status = 400
    kind = "client_gone"


class Unknown(Problem):
    status = 404
    kind = "unknown_model"


class TooLarge(Problem):
    status = 413
    kind = "too_large"


class WrongType(Problem):
    status = 415
    kind = "wrong_type"


class NotReady(Problem):
    status = 503
    kind = "not_ready"


class Exhausted(Problem):
    def __init__(self, reason: str) -> None:
        super().__init__(f"No level of the chain could answer (the last: {reason.replace('_', ' ')}).")
        self.kind = reason
        self.timed_out = reason == "timeout"
