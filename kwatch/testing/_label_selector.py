"""Label selectors as predicates, read from left to right as the server reads them."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from kwatch.testing._names import problem_of_value, problems_of_key
from kwatch.testing._status import bad_request

Predicate = Callable[[Mapping[str, Any]], bool]

_WORD = re.compile(r"\s*(==|!=|[=!<>(),]|[^\s=!<>(),]+|$)")
_SIGNS = frozenset({"==", "!=", "=", "!", "<", ">", "(", ")", ",", ""})
_ONE = {"=": "equal", "==": "equal", "!=": "unequal", ">": "greater", "<": "less"}
_NUMBER = r"[+-]?[0-9]{1,18}"
_INTEGER = "for 'Gt', 'Lt' operators, the value must be an integer"


def label_selector(text: str) -> Predicate:
    """``a=b``, ``a!=b``, ``a in (b,c)``, ``a notin (b)``, ``a``, ``!a``, ``a>1``: all of them.

    As in Kubernetes ``!=`` and ``notin`` hold for an object without the label, too.

    Raises:
        APIError: 400, the selector cannot be parsed.

    Source: ``Parser`` in apimachinery's ``pkg/labels/selector.go``.
    """
    requirements = list(_Parser(text).requirements())

    def selects(obj: Mapping[str, Any]) -> bool:
        labels = obj["metadata"].get("labels") or {}
        return all(requirement(labels) for requirement in requirements)

    return selects


class _Parser:
    """Reads one selector; ``word`` is what comes next, ``""`` at the end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.word = ""
        self._next()

    def _next(self) -> str:
        """Take the word, and read the one after it."""
        taken, found = self.word, _WORD.match(self._text, self._at)
        assert found  # noqa: S101 - the end matches, and so does every character
        self.word, self._at = found[1], found.end()
        return taken

    def requirements(self) -> Iterator[Predicate]:
        """All that must hold."""
        while self.word:
            if self.word != "!" and self.word in _SIGNS:
                self._refuse("!, identifier, or 'end of string'")
            yield self._requirement()
            if self.word not in {"", ","}:
                self._refuse("',' or 'end of string'")
            if self.word and (self._next(), self.word)[1] in _SIGNS - {"!"}:
                self._refuse("identifier after ','")

    def _requirement(self) -> Predicate:
        absent = self.word == "!"
        if absent:
            self._next()
        if self.word in _SIGNS:
            self._fail("identifier")
        key = _key(self._next())
        if absent or self.word in {"", ","}:
            return lambda labels: (key in labels) is not absent
        operator = self._next() if self.word in {*_ONE, "in", "notin"} else None
        if operator is None:
            self._fail("in, notin, =, ==, !=, gt, lt")
        if operator in {"in", "notin"}:
            values = {_value(key, value, number) for number, value in enumerate(self._values())}
            return lambda labels: (labels.get(key) in values) is (operator == "in")
        return _compare(key, _ONE[operator], self._one())

    def _one(self) -> str:
        """The value after ``=``, which may be missing."""
        if self.word in {"", ","}:
            return ""
        if self.word in _SIGNS:
            self._fail("identifier")
        return self._next()

    def _values(self) -> Iterator[str]:
        """The values in parentheses; a missing one is ``""``."""
        if self.word != "(":
            self._fail("'('", comma="")
        self._next()
        if self.word in _SIGNS - {",", ")"}:
            self._fail("',', ')' or identifier")
        while True:
            yield "" if self.word in {",", ")"} else self._next()
            if self.word not in {",", ")"}:
                self._fail("',' or ')'")
            if self._next() == ")":
                return

    def _refuse(self, expected: str) -> NoReturn:
        raise bad_request(f"found '{self.word}', expected: {expected}")

    def _fail(self, expected: str, comma: str = ",") -> NoReturn:
        found = f"found '{self.word}'{comma} expected: {expected}"
        raise bad_request(f"unable to parse requirement: {found}")


def _compare(key: str, operator: str, value: str) -> Predicate:
    if operator in {"equal", "unequal"}:
        _value(key, value, 0)
        return lambda labels: (labels.get(key) == value) is (operator == "equal")
    if not re.fullmatch(_NUMBER, value):
        _invalid("values[0]", value, _INTEGER)
    sign, limit = (1 if operator == "greater" else -1), int(value)

    def compares(labels: Mapping[str, Any]) -> bool:
        label = str(labels.get(key, ""))
        return bool(re.fullmatch(_NUMBER, label)) and sign * (int(label) - limit) > 0

    return compares


def _key(key: str) -> str:
    if why := "; ".join(problems_of_key(key)):
        _invalid("<nil>", key, why)
    return key


def _value(key: str, value: str, number: int) -> str:
    if why := problem_of_value(value):
        _invalid(f"values[{number}][{key}]", value, why)
    return value


def _invalid(field: str, value: str, why: str) -> NoReturn:
    said = value.replace("\\", "\\\\").replace('"', '\\"')
    raise bad_request(f'unable to parse requirement: {field}: Invalid value: "{said}": {why}')
