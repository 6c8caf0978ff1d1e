"""The part of CEL that shard selectors are written in, and what its parser says of the rest."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from kwatch.testing._status import APIError

_WORD = re.compile(
    r"\s*(\|\||&&|[!(),.]|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\""
    r"|[A-Za-z_]\w*|0x[0-9a-fA-F]+|[0-9]+|$)",
    re.ASCII,
)
_WRONG = re.compile(r"\s*([|&].?|['\"].*|.)", re.DOTALL)
_END = "<EOF>"
_CONSTANTS = {"true": "bool", "false": "bool", "null": "structpb.NullValue"}
_BEGINNINGS = (
    "'-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER"
)


@dataclass(frozen=True, slots=True)
class Call:
    """``name(arguments)``; an operator is one, too: ``_||_``.

    Attributes:
        kind: The number that such expressions have in CEL; those below have others.
    """

    name: str
    arguments: tuple["Expression", ...]
    kind: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Field:
    """``object.metadata.uid``, or only ``object``."""

    path: str

    @property
    def kind(self) -> int:
        """Another number where there is a dot."""
        return 7 if "." in self.path else 3


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, whose escapes are left as they are, or another constant.

    Attributes:
        text: What is between the quotes.
        type: What Go calls it: ``"string"``, ``"int64"``.
    """

    text: str
    type: str
    kind: ClassVar[int] = 5


Expression = Call | Field | Literal


def expression(text: str) -> Expression:
    """Read an expression.

    Raises:
        APIError: 500, it is none.
    """
    try:
        return _Parser(text).whole()
    except RecursionError:
        raise refused("CEL parse error: expression recursion limit exceeded: 250") from None


def refused(why: str) -> APIError:
    """The server cannot make anything of a shard selector, and blames itself."""
    return APIError(500, "", f"invalid shard selector: {why}")


class _Parser:
    """Reads one expression; ``word`` is what comes next."""

    def __init__(self, text: str) -> None:
        self._words = _words(text)
        self._at = 0

    @property
    def word(self) -> str:
        return self._words[self._at]

    def _next(self) -> str:
        """Take the word."""
        self._at += 1
        return self._words[self._at - 1]

    def whole(self) -> Expression:
        """The expression, and nothing after it."""
        found = self._either()
        if self.word != _END:
            raise self._unexpected(_END, lambda word: word == _END)
        return found

    def _either(self) -> Expression:
        return self._joined("||", lambda: self._joined("&&", self._one))

    def _joined(self, operator: str, operand: Callable[[], Expression]) -> Expression:
        operands = [operand()]
        while self.word == operator:
            self._next()
            operands.append(operand())
        return operands[0] if len(operands) == 1 else Call(f"_{operator}_", tuple(operands))

    def _one(self, after: str = "") -> Expression:
        """What is between two operators; ``after``: what else could have come in its place."""
        if not _begins(self.word):
            raise self._unexpected(f"{{'[', '{{', '(', {after}'.', {_BEGINNINGS}}}", _begins)
        word = self._next()
        if word == "!":
            inner = self._one()
            if isinstance(inner, Call) and inner.name == "!_":
                return inner.arguments[0]
            return Call("!_", (inner,))
        if word == "(":
            found = self._either()
            self._close()
            return found
        if word in _CONSTANTS:
            return Literal(word, _CONSTANTS[word])
        if word[0] in "'\"":
            return Literal(word[1:-1], "string")
        return _integer(word) if word[0].isdigit() else self._field(word)

    def _field(self, path: str) -> Expression:
        """A field or a call; what a function is called on is not looked at."""
        while self.word == ".":
            self._next()
            if not (word := self._next()).isidentifier():
                word = word.removesuffix(_END)
                raise _syntax_error(f"no viable alternative at input '.{word}'")
            path += f".{word}"
        if self.word != "(":
            return Field(path)
        self._next()
        arguments = []
        if self.word != ")":
            arguments.append(self._argument("')', "))
            while self.word == ",":
                self._next()
                arguments.append(self._argument())
        self._close()
        return Call(path.rpartition(".")[2], tuple(arguments))

    def _argument(self, after: str = "") -> Expression:
        return self._either() if _begins(self.word) else self._one(after)

    def _close(self) -> None:
        if self.word == _END:
            raise _syntax_error(f"missing ')' at '{_END}'")
        if self.word != ")":
            raise self._unexpected("')'", lambda word: word == ")")
        self._next()

    def _unexpected(self, expected: str, fits: Callable[[str], bool]) -> APIError:
        """One word too many, if the next one ``fits``; else another word than is expected."""
        rest = self._words[self._at + 1 : self._at + 2]
        what = "extraneous" if rest and fits(rest[0]) else "mismatched"
        return _syntax_error(f"{what} input '{self.word}' expecting {expected}")


def _words(text: str) -> list[str]:
    words: list[str] = []
    at = 0
    while words[-1:] != [_END]:
        if not (found := _WORD.match(text, at)):
            wrong = _WRONG.match(text, at)
            said = wrong[1] if wrong else ""
            raise _syntax_error(f"token recognition error at: '{said}'")
        words.append(found[1] or _END)
        at = found.end()
    return words


def _begins(word: str) -> bool:
    """Whether an expression can begin with it."""
    return word in {"!", "("} or word[0].isalnum() or word[0] in "_'\""


def _integer(word: str) -> Literal:
    if int(word, 16 if "x" in word else 10) >= 2**63:
        raise refused("CEL parse error: invalid int literal")
    return Literal(word, "int64")


def _syntax_error(why: str) -> APIError:
    return refused(f"CEL parse error: Syntax error: {why}")
