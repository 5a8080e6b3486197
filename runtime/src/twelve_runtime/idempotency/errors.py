"""What can stand between a caller and an effect; `status` is what an HTTP answer says.

IdempotencyError
  BadKey           400  no key where one is needed, or one that is no key
  Busy             409  somebody is at it right now: come back later
  Unknown          409  somebody began and vanished: nobody knows whether the effect happened
  Conflict         422  the key was used for another request
  Lost             500  our lease ran out while we worked: somebody else may have begun, our answer is not kept
  NotDone          500  raised by the app inside a block: nothing has happened, the key is free again
"""


class IdempotencyError(Exception):
    status = 500


class BadKey(IdempotencyError):
    status = 400


class Busy(IdempotencyError):
    status = 409


class Unknown(IdempotencyError):
    status = 409


class Conflict(IdempotencyError):
    status = 422


class Lost(IdempotencyError):
    status = 500


class NotDone(IdempotencyError):
    status = 500
