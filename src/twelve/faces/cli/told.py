"""A failure whose reason the person has read already: only its exit code is left to say."""


class Told(Exception):
    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code
