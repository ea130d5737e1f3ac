"""Cuts the text of a license file into joined lines, and each line into words.

Must stay linear in the size of the input: pieces are joined once, and a search that fails ends its line.
Blanks are the space and the tab and nothing else: other characters that Unicode calls blank are content.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

BOM: Final = b"\xef\xbb\xbf"
MOST_WORDS: Final = 4096
CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

_GAP: Final = re.compile(r"[ \t]*")
_BARE: Final = re.compile(r'[^ \t"\x00-\x1f\x7f]+')
_GROUP_MARK: Final = re.compile(r'["{}]')
_GROUP: Final = "AUTH={"


@dataclass(frozen=True, slots=True)
class JoinedLine:
    """One line of the grammar: physical lines joined where one ended in a backslash."""

    text: str
    first_line: int
    starts: list[int]

    @property
    def is_comment(self) -> bool:
        """Whether it is one physical line and a comment: most lines without a license are."""
        return len(self.starts) == 1 and self.text.lstrip(" \t").startswith("#")

    def place(self, at: int) -> tuple[int, int]:
        """Line and column in the file, both from 1, of a position in `text`."""
        piece = bisect_right(self.starts, at) - 1
        return self.first_line + piece, at - self.starts[piece] + 1

    def end_of_piece(self, at: int) -> int:
        """Where the physical line that holds this position ends in `text`."""
        piece = bisect_right(self.starts, at)
        return self.starts[piece] if piece < len(self.starts) else len(self.text)


@dataclass(frozen=True, slots=True)
class Word:
    """What stands between two blanks: `head` is bare text, `quoted` what followed it in quotes or braces."""

    at: int
    head: str
    quoted: str | None = None

    @property
    def text(self) -> str:
        return self.head if self.quoted is None else self.head + self.quoted


class Unreadable(Exception):
    """From this position on the line cannot be cut into words. Fields: `at`, `reason`, the words read `before`."""

    def __init__(self, at: int, reason: str) -> None:
        self.at = at
        self.reason = reason
        self.before: tuple[Word, ...] = ()
        super().__init__(reason)


def decode(data: bytes) -> str:
    """The text of a file: UTF-8, with or without its mark; a line that is not UTF-8 is 8-bit Latin."""
    data = data.removeprefix(BOM)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return "\n".join(_decode_line(line) for line in data.split(b"\n"))


def _decode_line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def joined_lines(text: str) -> Iterator[JoinedLine]:
    """The lines of a file, joined: a backslash that only blanks follow vanishes together with the line break."""
    pieces: list[str] = []
    first = 1
    for number, physical in enumerate(text.split("\n"), start=1):
        piece = physical.rstrip(" \t\r")
        if piece.endswith("\\"):
            pieces.append(piece[:-1])
            continue
        if piece or pieces:
            pieces.append(piece)
            yield _join(pieces, first)
            pieces = []
        first = number + 1
    if pieces:
        yield _join(pieces, first)


def _join(pieces: list[str], first: int) -> JoinedLine:
    starts = []
    length = 0
    for piece in pieces:
        starts.append(length)
        length += len(piece)
    return JoinedLine("".join(pieces), first, starts)


def words(line: JoinedLine) -> tuple[Word, ...]:
    """The words of a line without its comments. Raises `Unreadable` where it cannot be cut.

    A comment runs from a `#` at a word's start to the end of its physical line, never further: no comment can hide a line.
    """
    found: list[Word] = []
    at = _past_blanks(line.text, 0)
    while at < len(line.text):
        if line.text[at] == "#":
            at = line.end_of_piece(at)
        else:
            try:
                word, at = _word(line.text, at)
            except Unreadable as unreadable:
                unreadable.before = tuple(found)
                raise
            found.append(word)
            if len(found) > MOST_WORDS:
                raise Unreadable(word.at, f"a line may have at most {MOST_WORDS} words")
        at = _past_blanks(line.text, at)
    return tuple(found)


def _past_blanks(text: str, at: int) -> int:
    match = _GAP.match(text, at)
    return match.end() if match else at


def _word(text: str, at: int) -> tuple[Word, int]:
    bare = _BARE.match(text, at)
    head = bare[0] if bare else ""
    end = at + len(head)
    quoted = None
    if head[: len(_GROUP)].upper() == _GROUP:
        head, opened = head[: len(_GROUP) - 1], at + len(_GROUP) - 1
        end = group_end(text, opened)
        quoted = text[opened:end]
    elif text[end : end + 1] == '"' and (not head or head.endswith("=")):
        closing = text.find('"', end + 1)
        if closing < 0:
            raise Unreadable(end, "this quote is never closed")
        quoted = text[end + 1 : closing]
        end = closing + 1
    if quoted and (control := CONTROL.search(quoted)):
        raise Unreadable(end, f"the quoted text before this holds the control character {control[0]!r}")
    if end < len(text) and text[end] not in " \t":
        raise Unreadable(end, f"{text[end]!r} cannot stand here; a blank was expected")
    return Word(at, head, quoted), end


def is_group(text: str) -> bool:
    """Whether the text is one `{…}` group from end to end."""
    try:
        return text.startswith("{") and group_end(text, 0) == len(text)
    except Unreadable:
        return False


def group_end(text: str, opened: int) -> int:
    """The position after the brace that closes the group opened here; quotes hide braces. Raises `Unreadable`."""
    depth = 0
    mark = _GROUP_MARK.search(text, opened)
    while mark:
        end = mark.end()
        if mark[0] == '"':
            end = text.find('"', end) + 1
            if end == 0:
                break
        else:
            depth += 1 if mark[0] == "{" else -1
            if depth == 0:
                return end
        mark = _GROUP_MARK.search(text, end)
    raise Unreadable(opened, "this group is never closed by its brace or holds an open quote")
