"""How the telling of one message to one receiver ended. Pure.

An answer is shown to people and kept in a row: it is one line of printable characters, and no receiver makes it longer.
"""

LONGEST_ANSWER_CHARACTERS = 500


def in_one_line(text: str, longest: int = LONGEST_ANSWER_CHARACTERS) -> str:
    """The printable characters of a text that somebody else wrote; whatever else stands there becomes one blank."""
    words = "".join(character if character.isprintable() else " " for character in text).split()
    line = " ".join(words)
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


class DeliveryFailed(Exception):
    """The receiver did not take the message. ``answer``: why, with its own words if it had any.

    ``gone``: it never will, trying again is of no use. ``retry_after_seconds``: it asked for so much patience.
    """

    def __init__(self, answer: str, *, gone: bool = False, retry_after_seconds: float | None = None) -> None:
        self.answer = in_one_line(answer)
        self.gone = gone
        self.retry_after_seconds = retry_after_seconds
        super().__init__(self.answer)
