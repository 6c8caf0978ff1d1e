"""`Builder` on ijson's C and Python backends."""

import gc
import json
from collections.abc import Callable
from typing import Any

import ijson
import ijson.backends.python
import pytest

from kwatch._builder import Builder
from kwatch._errors import DecodeError


@pytest.fixture(params=["default", "python"])
def builder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Builder:
    if request.param == "python":
        python = ijson.backends.python.basic_parse_coro
        monkeypatch.setattr(ijson, "basic_parse_coro", python)
    return Builder(3)


def outcome(builder: Builder, data: bytes) -> tuple[list[Any], str]:
    documents = []
    try:
        for document in builder.feed(data):
            documents.append(document)  # noqa: PERF402 - those before an error count
    except DecodeError as error:
        return documents, str(error)
    return documents, ""


@pytest.mark.parametrize("data", [b"}", b"[1,]", b'{"a"}', b'"\x01"', b'"\xff"', b"nul ", b"[1e]"])
def test_what_is_no_json(builder: Builder, data: bytes) -> None:
    assert list(builder.feed(b'{"a":1} [] ')) == [{"a": 1}, []]
    documents, error = outcome(builder, data)
    assert documents == []
    assert error.startswith("expected JSON: ")


def test_what_is_nested_too_deep(builder: Builder) -> None:
    message = "a document is nested deeper than 3 levels"
    assert outcome(builder, b'[{"a":[]}]') == ([[{"a": []}]], "")
    assert outcome(builder, b'[] [{"a":[{}]}] []') == ([[]], message)


def test_an_int_of_too_many_digits(builder: Builder) -> None:
    documents, error = outcome(builder, b"[1] [" + b"1" * 5_000 + b"]")
    assert documents == [[1]]
    assert error
    gc.collect()


def test_the_words_of_an_error_are_those_of_the_parser() -> None:
    _, error = outcome(Builder(3), b'{"a": secret}')
    if ijson.backend == "yajl2_c":
        assert error == "expected JSON: lexical error: invalid char in json text."
    assert "secret" not in error


def test_how_deep_it_is_within_a_document(builder: Builder) -> None:
    seen = [(builder.depth, builder.has_just_begun, builder.count)]
    for data in (
        b"{",
        b'"a"',
        b":",
        b"[",
        b"1,",
        b"2",
        b"]",
        b',"b":null',
        b"}",
        b" ",
        b"[",
        b"0 ",
    ):
        list(builder.feed(data))
        seen.append((builder.depth, builder.has_just_begun, builder.count))
    depths, just_begun, counts = zip(*seen, strict=True)
    assert depths == (0, 1, 1, 1, 2, 2, 2, 1, 1, 0, 0, 1, 1)
    assert [index for index, it in enumerate(just_begun) if it] == [1, 11]
    assert counts == (0,) * 9 + (1,) * 4


def test_documents_come_out_as_json_has_them(builder: Builder) -> None:
    text = '[0, -0.0, 1e400, 18446744073709551616, "\u00e9", true, false, null, {"a": {}, "a": []}]'
    (document,) = builder.feed(text.encode())
    assert repr(document) == repr(json.loads(text))


def test_a_document_is_given_as_soon_as_it_ends(builder: Builder) -> None:
    documents = builder.feed(b"[1] [2] [3")
    assert next(documents) == [1]
    assert list(documents) == [[2]]
    assert list(builder.feed(b"] ")) == [[3]]


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 140_000])
@pytest.mark.parametrize(
    "make", [lambda n: b'["%s"]' % (b"x" * n), lambda n: b"[%s0]" % (b"0," * n)]
)
def test_slices_do_not_show(builder: Builder, size: int, make: Callable[[int], bytes]) -> None:
    data = make(size)
    assert list(builder.feed(data + data)) == [json.loads(data)] * 2
