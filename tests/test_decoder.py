"""`Decoder` on each of its paths, and `LineDecoder`, with the same bytes."""

import gc
import json
import math
import random
import re
import subprocess
import sys
import tracemalloc
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import ijson
import ijson.backends.python
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kwatch._decoder
import kwatch._line_decoder
from kwatch._builder import Builder
from kwatch._decoder import MAX_DEPTH, Decoder
from kwatch._errors import DecodeError
from kwatch._line_decoder import LineDecoder
from tests.recorded import load

AnyDecoder = Decoder | LineDecoder
MakeDecoder = Callable[[], AnyDecoder]

SECRET = "hunter2-Gx7"
RECORDED = [
    "pods-watch-1.20",
    "pods-watch-1.36",
    "pods-watch-timeout-1.20",
    "pods-watch-timeout-1.36",
    "pods-watchlist-1.36",
    "pods-metadata-watch-1.36",
    "widgets-watch-expired-1.36",
    "widgets-odd-objects-1.36",
]


@pytest.fixture(params=["items", "builder", "python"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have `Decoder` use ijson's fast path, the exact one, or that of a Python without yajl."""
    if request.param != "python" and ijson.backend != "yajl2_c":
        pytest.skip("there is no C backend")
    if request.param != "items":
        monkeypatch.setattr(kwatch._decoder, "_HAS_FAST_BACKEND", False)
    if request.param == "python":
        python = ijson.backends.python.basic_parse_coro
        monkeypatch.setattr(ijson, "basic_parse_coro", python)
    return str(request.param)


def line_decoder(library: str) -> LineDecoder:
    return LineDecoder(json.loads if library == "json" else pytest.importorskip("orjson").loads)


@pytest.fixture(params=["Decoder", "json", "orjson"])
def line_or_not(request: pytest.FixtureRequest) -> MakeDecoder:
    return Decoder if request.param == "Decoder" else partial(line_decoder, request.param)


class Outcome(NamedTuple):
    documents: list[Any]
    error: DecodeError | None
    fed: int
    """How many chunks were taken before the error."""


def feed(decoder: AnyDecoder, *chunks: bytes) -> Outcome:
    documents: list[Any] = []
    for fed, chunk in enumerate(chunks):
        decoder.receive_data(chunk)
        try:
            for document in decoder.documents():
                documents.append(document)  # noqa: PERF402 - those before an error count
        except DecodeError as error:
            return Outcome(documents, error, fed + 1)
    return Outcome(documents, None, len(chunks))


def decode(decoder: AnyDecoder, *chunks: bytes) -> list[Any]:
    documents, error, _ = feed(decoder, *chunks)
    assert error is None
    return documents


def singles(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


def frame(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def event(name: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "resourceVersion": "7"}
    return {"type": "ADDED", "object": {"kind": "Widget", "metadata": metadata, "spec": spec}}


def expected(body: bytes) -> list[Any]:
    """Decode by json, which cannot take the deepest objects: these are put in by hand."""
    documents = []
    for line in body.split(b"\n"):
        deep = re.search(rb"(\[{400,})\]+", line)
        if deep is None:
            documents += [json.loads(line)] if line else []
            continue
        document = json.loads(line.replace(deep[0], b"null"))
        spec = document["object"]["spec"]
        (key,) = (key for key in spec if spec[key] is None)
        spec[key] = nested(len(deep[1]))
        documents.append(document)
    return documents


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def same(one: Any, other: Any) -> bool:
    """Whether values are equal in types, too; knows no depth that is too much, as ``==`` does."""
    pairs = [(one, other)]
    while pairs:
        one, other = pairs.pop()
        if type(one) is not type(other):
            return False
        if isinstance(one, dict):
            if list(one) != list(other):
                return False
            pairs.extend((one[key], other[key]) for key in one)
        elif isinstance(one, list):
            if len(one) != len(other):
                return False
            pairs.extend(zip(one, other, strict=True))
        elif repr(one) != repr(other):
            return False
    return True


def assert_tells_no_secret(error: BaseException | None) -> None:
    while error is not None:
        assert SECRET not in str(error) + repr(error)
        error = error.__cause__ or error.__context__


# What is no JSON

GARBAGE = [
    b"upstream connect error or disconnect/reset before headers",
    b"no healthy upstream\n",
    b"<!DOCTYPE html>\n<html><body>502 Bad Gateway</body></html>\n",
    b"}\n",
    b"]",
    b"{]\n",
    b'{"a"}\n',
    b'{"a":1,}\n',
    b"[1,]\n",
    b'{"a":1}}\n',
    b'{"a" 1}\n',
    b"{'a': 1}\n",
    b"{a: 1}\n",
    b'{1: "a"}\n',
    b'{"a": tru}\n',
    b'{"a": nulll}\n',
    b'{"a": NaN}\n',
    b'{"a": -Infinity}\n',
    b'{"a": 01}\n',
    b'{"a": 1.}\n',
    b'{"a": -}\n',
    b'{"a": "\\x"}\n',
    b'{"a": "\\u12G4"}\n',
    b'{"a": "\n"}\n',
    b'{"a": "\x00"}\n',
    b'{"a": "\x1f"}\n',
    b"\x00\n",
    b'\xff\xfe{"a": 1}\n',
    b'{"a": "\xff"}\n',
    b'{"a": "\xc3"}\n',
    b'{"a": "\xed\xa0\x80"}\n',
    b'{"a": "\xc0\xaf"}\n',
    b'{"\xe2\x82": 1}\n',
    b'{"a": 1} // comment\n',
    b'{"a": /* comment */ 1}\n',
    '{"a": 1}'.encode("utf-16"),
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    b"\x16\x03\x01\x02\x00\x01",
    b"k8s\x00\n\x08",
]


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.usefixtures("path")
def test_garbage_after_a_document(garbage: bytes) -> None:
    document = event("a")
    for split in (partial(singles), lambda data: [data], lambda data: [frame(document), garbage]):
        decoder = Decoder()
        documents, error, _ = feed(decoder, *split(frame(document) + garbage))
        assert documents == ([document, {"a": 1}] if garbage[:7] == b'{"a":1}' else documents)
        assert documents[0] == document
        assert type(error) is DecodeError
        assert_tells_no_secret(error)


TAKEN_BY_JSON = (b"NaN", b"Infinity", b"\xed\xa0\x80", b"\xff\xfe")  # the last begins UTF-16


@pytest.mark.parametrize(
    "garbage",
    [text for text in GARBAGE if all(it not in text for it in TAKEN_BY_JSON)] + [b"[1] [2]\n"],
)
def test_garbage_in_a_line(garbage: bytes) -> None:
    document = event("a")
    lines = garbage if garbage.endswith(b"\n") else garbage + b"\n"
    documents, error, _ = feed(LineDecoder(json.loads), frame(document) + lines)
    assert documents == [document]
    assert type(error) is DecodeError


@pytest.mark.usefixtures("path")
def test_nothing_comes_out_after_an_error() -> None:
    decoder = Decoder()
    assert feed(decoder, b'{"a":1}\n{"b":\n{"c":3}\n').documents == [{"a": 1}]
    assert decoder.incomplete
    for more in (b"", b'{"d":4}\n', b"}\n", b'{"e":5}\n'):
        documents, error, _ = feed(decoder, more)
        assert documents == []
        assert error is not None


@pytest.mark.parametrize(
    "broken",
    [
        b'{"password": "SECRET\n"}',
        b'{"password": "SECRET"\n\n',
        b'{"password": "SECRET\xff"}\n',
        b'{"password": "SECRET\\udc00x"}\n',
        b'{"password": "SECRET\x01"}\n',
        b'{"password": "\\x SECRET"}\n',
        b'{"password": SECRET}\n',
        b'{"SECRET" 1}\n',
        b'"SECRET" SECRET\n',
        b'SECRET: "a"\n',
        b'{"a": 1e99999999999999999999, "SECRET": 1}\n',
        b'{"SECRET": ' + b"9" * 5_000 + b"}\n",
        b'{"SECRET": ' + b"[" * 11_000,
    ],
)
@pytest.mark.usefixtures("path")
def test_an_error_tells_nothing_of_the_document(broken: bytes) -> None:
    broken = broken.replace(b"SECRET", SECRET.encode())
    for chunks in ([broken], singles(broken)):
        _, error, _ = feed(Decoder(), *chunks)
        assert error is not None or broken.count(b"udc00")  # which the json module takes, too
        assert_tells_no_secret(error)


def test_an_error_of_a_callable_tells_nothing_of_the_line() -> None:
    def refuse(line: bytes) -> Any:
        raise ValueError(f"cannot read {line!r}")

    for loads, line in (
        (refuse, SECRET.encode()),
        (json.loads, f'{{"a": "{SECRET}'.encode()),
        (json.loads, b'"\xff' + SECRET.encode()),
        (pytest.importorskip("orjson").loads, SECRET.encode()),
    ):
        _, error, _ = feed(LineDecoder(loads), line + b"\n")
        assert error is not None
        assert_tells_no_secret(error)
        assert f"expected a line of JSON, got {len(line)} bytes" in str(error)


def test_what_a_callable_may_raise() -> None:
    def exhaust(line: bytes) -> Any:
        raise RecursionError

    def fail(line: bytes) -> Any:
        raise ZeroDivisionError

    assert "RecursionError" in str(feed(LineDecoder(exhaust), b"1\n").error)
    with pytest.raises(ZeroDivisionError):
        feed(LineDecoder(fail), b"1\n")


# Scenario 58: bytes may be cut anywhere


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.usefixtures("path")
def test_s58_whole(name: str) -> None:
    body = load(name).body
    documents = decode(Decoder(), body)
    assert len(documents) == body.count(b"\n")
    assert same(documents, expected(body))


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.usefixtures("path")
def test_s58_byte_by_byte_and_s60_each_document_with_its_last_byte(name: str) -> None:
    """The closing brace counts and not the newline, which a server may send later."""
    body = load(name).body
    decoder = Decoder()
    documents = []
    for at, byte in enumerate(singles(body), start=1):
        found = decode(decoder, byte)
        assert len(found) == (body[at : at + 1] == b"\n")
        documents += found
    assert same(documents, expected(body))


@pytest.mark.parametrize("name", RECORDED)
def test_s58_split_at_every_byte_offset(name: str, path: str) -> None:
    body = load(name).body
    if name == "widgets-odd-objects-1.36":  # not those nested 500 deep and more
        body = b"".join(line for line in body.splitlines(keepends=True) if len(line) < 1_000)
    documents = expected(body)
    often = path == "items" and name in ("pods-watch-1.36", "widgets-odd-objects-1.36")
    stride = 1 if often or len(body) < 1_000 else {"items": 11, "builder": 37, "python": 97}[path]
    for at in range(0, len(body), stride):
        assert decode(Decoder(), body[:at], body[at:]) == documents


@pytest.mark.usefixtures("path")
def test_s58_deep_objects_split() -> None:
    body = load("widgets-odd-objects-1.36").body
    documents = expected(body)
    for at in range(0, len(body), 3_001):
        assert same(decode(Decoder(), body[:at], body[at:]), documents)


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("size", [2, 3, 17, 100, 1000, 4096])
def test_s58_chunks_of_one_size(name: str, size: int) -> None:
    body = load(name).body
    chunks = (body[at : at + size] for at in range(0, len(body), size))
    assert same(decode(Decoder(), *chunks), expected(body))


@pytest.mark.parametrize("name", RECORDED[:-1])  # the last one is nested too deep for them
@pytest.mark.parametrize("library", ["json", "orjson"])
def test_s58_lines(name: str, library: str) -> None:
    body = load(name).body
    documents = expected(body)
    assert decode(line_decoder(library), body) == documents
    assert decode(line_decoder(library), *singles(body)) == documents
    for at in range(0, len(body), 11):
        assert decode(line_decoder(library), body[:at], body[at:]) == documents


def test_s58_many_events_in_a_chunk(line_or_not: MakeDecoder) -> None:
    documents = [event(f"w-{n}", n=n) for n in range(2_000)]
    body = b"".join(map(frame, documents))
    assert decode(line_or_not(), body) == documents
    chunks = (body[at : at + 65_536] for at in range(0, len(body), 65_536))
    assert decode(line_or_not(), *chunks) == documents


# Scenario 59


@pytest.mark.parametrize("size", [100, 65_536])
@pytest.mark.usefixtures("path")
def test_s59_an_object_of_3_mb(size: int) -> None:
    items = [{"name": f"item-{n}", "weight": n / 7, "tags": ["a", "b"]} for n in range(12_000)]
    big = event("big", items=items, text="x" * 2_400_000)
    small = event("small")
    body = frame(small) + frame(big) + frame(small)
    assert len(body) > 3_000_000
    chunks = (body[at : at + size] for at in range(0, len(body), size))
    if size > 100:
        assert decode(Decoder(), *chunks) == [small, big, small]
    else:  # all at once, lest this takes long: what counts is that it is not quadratic
        few = [body[:200_000], *(body[at : at + size] for at in range(200_000, 250_000, size))]
        assert decode(Decoder(), *few, body[250_000:]) == [small, big, small]


def test_a_document_that_is_too_long(
    line_or_not: MakeDecoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in kwatch._decoder, kwatch._line_decoder:
        monkeypatch.setattr(module, "MAX_DOCUMENT_BYTES", 1_000)
    long = frame(event("long", text="x" * 1_000))
    short = frame(event("short", text="x" * 500))
    for fast in (kwatch._decoder._HAS_FAST_BACKEND, False):
        monkeypatch.setattr(kwatch._decoder, "_HAS_FAST_BACKEND", fast)
        assert len(decode(line_or_not(), short, short, short)) == 3
        assert len(decode(line_or_not(), *singles(short * 3))) == 3
        documents, error, fed = feed(
            line_or_not(), short, long[:600], long[600:1_050], long[1_050:]
        )
        assert len(documents) == 1
        assert str(error) == "a document is longer than 1000 bytes"
        assert fed == 3


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("endless", [b'"aaaa', b"1", b"{} ", b" "])
def test_what_never_ends_is_too_long_as_well(
    endless: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kwatch._decoder, "MAX_DOCUMENT_BYTES", 1_000)
    chunks = [endless, *[endless.strip(b'"') * 50] * 200]
    assert feed(Decoder(), *chunks).error is not None


# Scenario 66


ODD_TEXT = "a\x85b\u2028c\u2029d\U0001f600e\x7ff\ufeffg\xe9\ufffdh\x0bi\x1ej"


@pytest.mark.usefixtures("path")
def test_s66_characters_that_others_take_for_line_ends() -> None:
    assert ODD_TEXT.splitlines() != [ODD_TEXT]
    document = event(ODD_TEXT, **{ODD_TEXT: [ODD_TEXT]})
    for body in (frame(document), json.dumps(document).encode() + b"\n"):
        assert decode(Decoder(), body * 2) == [document] * 2
        for at in range(len(body)):
            assert decode(Decoder(), body[:at], body[at:] + body) == [document] * 2


@pytest.mark.usefixtures("path")
def test_s66_null_characters_and_escapes() -> None:
    body = rb'{"\u0000":"\u0000","e":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}' + b"\n"
    document = {"\0": "\0", "e": '"\\/\b\f\n\r\t\u00e9\U0001f600'}
    for at in range(len(body)):
        assert decode(Decoder(), body[:at], body[at:]) == [document]


@pytest.mark.parametrize("library", ["json", "orjson"])
def test_s66_lines(library: str) -> None:
    document = event(ODD_TEXT, **{ODD_TEXT: [ODD_TEXT, "\0"]})
    for body in (frame(document), json.dumps(document).encode() + b"\n"):
        assert decode(line_decoder(library), *singles(body)) == [document]


# Scenario 67

NUMBERS: dict[str, int | float] = {
    "0": 0,
    "-0": 0,
    "-0.0": -0.0,
    "9223372036854775807": 2**63 - 1,
    "-9223372036854775808": -(2**63),
    "9223372036854775808": 2**63,
    "-9223372036854775809": -(2**63) - 1,
    "100000000000000000000": 10**20,
    "1e400": math.inf,
    "-1e400": -math.inf,
    "1E+300": 1e300,
    "1e-400": 0.0,
    "0.1": 0.1,
    "1.0": 1.0,
    "1e2": 100.0,
    "123456789.123456789123456789": 123456789.123456789123456789,
    "5e-324": 5e-324,
    "1.7976931348623157e308": 1.7976931348623157e308,
    "9" * 4_000: int("9" * 4_000),
}


@pytest.mark.parametrize("text", NUMBERS, ids=lambda text: text[:30])
@pytest.mark.usefixtures("path")
def test_s67_numbers(text: str) -> None:
    """An int stays an int, a float is a float and never a Decimal."""
    body = f'{{"a":{text},"b":[{text}]}}\n'.encode()
    document = {"a": NUMBERS[text], "b": [NUMBERS[text]]}
    for at in range(0, len(body), 1 if len(body) < 1_000 else 501):
        documents = decode(Decoder(), frame({"x": 1}), body[:at], body[at:] + frame({"y": 2}))
        assert same(documents, [{"x": 1}, document, {"y": 2}])


@pytest.mark.usefixtures("path")
def test_s67_an_int_of_more_digits_than_python_converts() -> None:
    """The C backend leaves a hole in memory for it: looking into that would end the process."""
    limit = sys.get_int_max_str_digits()
    for sign in (b"", b"-"):
        body = b'{"a":[1,' + sign + b"1" * 5_000 + b',2],"b":3}\n'
        for at in range(0, len(body), 500):
            documents, error, _ = feed(Decoder(), frame({"x": 1}) + body[:at], body[at:])
            assert documents == [{"x": 1}]
            assert error is not None
        gc.collect()
    assert sys.get_int_max_str_digits() == limit


@pytest.mark.usefixtures("path")
def test_s67_a_string_of_many_digits() -> None:
    document = {"a": "1" * 10_000, "1" * 10_000: 1}
    body = frame(document)
    for at in range(0, len(body), 1_000):
        assert decode(Decoder(), body[:at], body[at:]) == [document]


def test_s67_recorded() -> None:
    *_, numbers, text = expected(load("widgets-odd-objects-1.36").body)
    spec = {**numbers["object"]["spec"], **text["object"]["spec"]}
    assert any(isinstance(value, int) and value >= 2**53 for value in spec.values())
    assert any(isinstance(value, float) for value in spec.values())
    assert {"\u0085", "\u2028"} <= set(spec["s"])


def test_the_fast_path_is_taken_again_after_what_it_cannot_take() -> None:
    if not kwatch._decoder._HAS_FAST_BACKEND:
        pytest.skip("there is none")
    decoder = Decoder()
    fast = []
    for odd in (b'{"a":1e400}', b'{"a":18446744073709551616}', b"[" * 5_000 + b"]" * 5_000):
        assert len(decode(decoder, odd)) == 1
        fast.append(decoder._builder is None)
        assert decode(decoder, b"\n" + frame(event("next"))) == [event("next")]
        fast.append(decoder._builder is None)
    assert fast == [False, True] * 3


# Scenario 68


MEASURE = """
import resource, sys
import kwatch._decoder

data = sys.stdin.buffer.read()
size = int(sys.argv[1])
kwatch._decoder._HAS_FAST_BACKEND &= sys.argv[2] == "items"

def peak():
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit

before, documents, outcome = peak(), 0, ""
decoder = kwatch._decoder.Decoder()
try:
    for at in range(0, len(data), size):
        decoder.receive_data(data[at : at + size])
        for _ in decoder.documents():
            documents += 1
except kwatch._decoder.DecodeError as error:
    outcome = str(error)
print(peak() - before, documents, outcome)
"""


def measured(data: bytes, size: int = 65_536, path: str = "items") -> tuple[int, str]:
    """Decode in a process of its own; give by how many MB it grew, and what came out."""
    pytest.importorskip("resource")
    command = [sys.executable, "-c", MEASURE, str(size), path]
    run = subprocess.run(command, input=data, capture_output=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr.decode()
    grown, outcome = run.stdout.decode().strip().split(" ", 1)
    return int(grown), outcome


EMOJI_KEY = '{"\U0001f600%s":'
DEEP = {
    "arrays": (b"[", 9_000),
    "objects": (b'{"a":', 9_000),
    "long keys": (b'{"' + b"k" * 140 + b'":', 9_000),
    "long keys and emojis": ((EMOJI_KEY % ("k" * 140)).encode(), 9_000),
    "one very long key": ((EMOJI_KEY % ("k" * 1_000_000)).encode() + b"[" * 240, 1),
    "closing brackets in strings": (b'{"}]}]":', 9_000),
    "quotes in strings": (rb'{"\"}}]]\\":', 9_000),
    "arrays below an emoji": ((EMOJI_KEY % "").encode() + b"[" * 9_000, 1),
    "backslashes in strings": (rb'{"\\":', 9_000),
}


def deep(opening: bytes, times: int) -> bytes:
    brackets = re.sub(rb'"(\\.|[^"\\])*"', b"", opening * times).replace(b":", b"")
    inner = b"{}" if opening.endswith(b":") else b""
    return opening * times + inner + brackets[::-1].translate(bytes.maketrans(b"[{", b"]}"))


@pytest.mark.parametrize("path", ["items", "builder"])
@pytest.mark.parametrize("name", DEEP)
def test_s68_nested_9000_deep_is_delivered(name: str, path: str) -> None:
    document = b'{"type":"ADDED","object":' + deep(*DEEP[name]) + b"}\n"
    for size in (100, 65_536) if path == "items" and len(document) < 100_000 else (65_536,):
        grown, outcome = measured(frame({}) + document + frame({}), size, path)
        assert outcome == "3"
        assert grown < 256


@pytest.mark.parametrize("size", [1_000, 65_536, 1_000_000])
@pytest.mark.parametrize("name", ["arrays", "objects"])
def test_s68_nested_100000_deep_is_refused(name: str, size: int) -> None:
    opening, _ = DEEP[name]
    for document in (opening * 100_000, deep(opening, 100_000) + b"\n"):
        grown, outcome = measured(frame({}) + document, size)
        assert outcome == f"1 a document is nested deeper than {MAX_DEPTH} levels"
        assert grown < 256


def test_s68_recorded() -> None:
    body = load("widgets-odd-objects-1.36").body
    deepest = max(body.split(b"\n"), key=len)
    assert deepest.count(b"[") > 9_000
    before = frame(event("before"))
    documents = decode(Decoder(), before + deepest, b"\n" + before)
    assert same(documents, expected(before + deepest + b"\n" + before))


@pytest.mark.usefixtures("path")
def test_s68_the_deepest() -> None:
    for opening, closing in ((b"[", b"]"), (b'{"":', b"}")):
        body = opening * MAX_DEPTH + b"1" + closing * MAX_DEPTH
        assert len(decode(Decoder(), body + b"\n", body + b"\n")) == 2
        documents, error, _ = feed(Decoder(), frame({}), opening + body + closing + b"\n")
        assert documents == [{}]
        assert str(error) == f"a document is nested deeper than {MAX_DEPTH} levels"


@st.composite
def open_levels(draw: st.DrawFn) -> tuple[bytes, int]:
    """Draw the beginning of a document, and the characters in the paths of its open levels."""
    keys = st.sampled_from(["", "k", "key", "k" * 50]) | st.none()
    data, path, total = b"", 0, 0
    for key in draw(st.lists(keys, min_size=1, max_size=4)) * draw(st.integers(1, 30)):
        data += b"[" if key is None else f'{{"{key}":'.encode()
        path += len(".item" if key is None else f".{key}")
        total += path
    return data, total


@settings(derandomize=True, deadline=None, max_examples=300)
@given(levels=open_levels(), room=st.sampled_from([500, 5_000, 50_000]), seed=st.integers(0, 2**32))
def test_s68_the_fast_path_never_needs_more_memory_than_it_may(
    levels: tuple[bytes, int], room: int, seed: int
) -> None:
    """Checked in small: with an allowance of some kB, and paths whose length is known."""
    data, characters = levels
    decoder = Decoder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kwatch._decoder, "FAST_BYTES", room)
        patch.setattr(kwatch._decoder, "_FEW_ARRAYS", -1)  # they are with the real allowance
        decode(decoder, b"[" + b"[0]," * 20 + b"[0]]", b"\n")
        decode(decoder, *chunked(data, seed))
    assert decoder._builder is not None or 4 * characters <= room + 100
    assert decoder.incomplete


def test_s68_a_short_document_with_few_arrays_cannot_be_too_deep() -> None:
    few, size = kwatch._decoder._FEW_ARRAYS, kwatch._decoder._UNIT_BYTES
    assert kwatch._decoder._fits(few + size // len(b'{"":'), size)


# Scenario 69

FRAMES = [
    b'{"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVersion":"1"},"n":[{"v":12,'
    rb'"s":"x\"\\\u00e9' + "\u00e9\U0001f600".encode() + b'"},[true,false,null,-1.5e-7]],"d":{}}}',
    b'{"type":"ADDED","object":{"metadata":{"name":"}{","resourceVersion":"2"},"n":{},"l":[[],[]]}}',
    b'{"type":"DELETED","object":{"metadata":{"name":"c","resourceVersion":"3"},"n":[{"v":"w"}]}}',
]


@pytest.mark.parametrize("newline", [b"", b"\n"])
def test_s69_a_frame_cut_short_at_every_offset(newline: bytes, path: str) -> None:
    """Noticed at the newline where there is one, else with the next frame."""
    first, second, third = FRAMES
    for cut, before, after in ((first, second, third), (second, third, first)):
        for at in range(1, len(cut)):
            parts = before + b"\n", cut[:at] + newline, after + b"\n", after + b"\n"
            for chunks in (parts, [b"".join(parts)], singles(b"".join(parts))):
                documents, error, fed = feed(Decoder(), *chunks)
                assert documents == [json.loads(before)]
                assert error is not None
                if chunks is parts:
                    assert fed <= 3
                    # ijson's Python backend does not look into a string before its end.
                    assert fed == 2 or not newline or at == 1 or path == "python"


@pytest.mark.usefixtures("path")
def test_s69_every_newline_lost_but_no_byte_of_a_document() -> None:
    documents = [json.loads(text) for text in FRAMES]
    for separator in (b"", b" ", b"\r", b"\n\n", b"\r\n", b" \n \n", b"\t"):
        body = separator.join(FRAMES)
        for at in range(0, len(body), 3):
            assert decode(Decoder(), body[:at], body[at:] + b"\n" + FRAMES[0]) == [
                *documents,
                documents[0],
            ]


def test_s69_a_whole_document_and_one_cut_short_in_a_line(path: str) -> None:
    for between in (b"", b" "):
        for at in range(1, len(FRAMES[1])):
            cut = FRAMES[0] + between + FRAMES[1][:at] + b"\n"
            documents, error, fed = feed(Decoder(), cut, FRAMES[2] + b"\n", FRAMES[2] + b"\n")
            assert documents == [json.loads(FRAMES[0])]
            assert error is not None
            assert fed == 1 or at == 1 or path == "python"


@pytest.mark.usefixtures("path")
def test_s69_a_frame_cut_short_after_a_pretty_printed_document() -> None:
    decoder = Decoder()
    assert decode(decoder, b'{\n  "a": 1\n}\n{\n', b'  "a": 2\n', b"}") == [{"a": 1}, {"a": 2}]
    for at in range(2, len(FRAMES[0])):
        decoder = Decoder()
        assert decode(decoder, b"{\n", b'  "a": 2\n', b'}\n{"b": 3') == [{"a": 2}]
        documents, error, _ = feed(decoder, b"}", FRAMES[0][:at] + b"\n" + FRAMES[1] + b"\n")
        assert documents == [{"b": 3}]
        assert error is not None


@pytest.mark.usefixtures("path")
def test_s69_a_long_frame_cut_short() -> None:
    for size in (8_000, 8_191, 8_192, 8_193, 20_000):
        cut = b'{"a":"' + b"x" * size + b'","b":\n'
        documents, error, _ = feed(Decoder(), b"{}\n" + cut + b'{"c":')
        assert documents == [{}]
        assert error is not None


@pytest.mark.parametrize("library", ["json", "orjson"])
@pytest.mark.parametrize("newline", [b"", b"\n"])
def test_s69_lines_cut_short(library: str, newline: bytes) -> None:
    for at in range(1, len(FRAMES[0])):
        body = FRAMES[1] + b"\n" + FRAMES[0][:at] + newline + FRAMES[2] + b"\n"
        documents, error, _ = feed(line_decoder(library), body)
        assert documents == [json.loads(FRAMES[1])]
        assert error is not None


@pytest.mark.usefixtures("path")
def test_incomplete_at_every_offset() -> None:
    body = b"\n".join(FRAMES) + b"\n"
    ends = {0, *(end for at in range(len(FRAMES)) for end in ends_of(at))}
    for at in range(len(body) + 1):
        for chunks in ([body[:at]], [body[: at // 2], body[at // 2 : at]]):
            decoder = Decoder()
            decode(decoder, *chunks)
            assert decoder.incomplete == (at not in ends)
            decoder.receive_eof()
            assert list(decoder.documents()) == []
            assert decoder.incomplete == (at not in ends)


def test_what_only_the_fast_path_can_decode_is_incomplete_as_well() -> None:
    decoder = Decoder()
    feed(decoder, b'{"a":1e-99999999999999999999,')
    assert decoder.incomplete


def ends_of(index: int) -> tuple[int, int]:
    """Give the offsets after a frame of `FRAMES`, without and with its newline."""
    end = sum(len(text) + 1 for text in FRAMES[: index + 1])
    return end - 1, end


@pytest.mark.parametrize("library", ["json", "orjson"])
def test_incomplete_lines_at_every_offset(library: str) -> None:
    body = b"\n".join(FRAMES) + b"\n"
    newlines = {0, *(ends_of(at)[1] for at in range(len(FRAMES)))}
    braces = {ends_of(at)[0] for at in range(len(FRAMES))}
    for at in range(len(body) + 1):
        decoder = line_decoder(library)
        found = len(decode(decoder, body[:at]))
        assert found == sum(end <= at for end in newlines - {0})
        assert decoder.incomplete == (at not in newlines)
        decoder.receive_eof()
        assert len(list(decoder.documents())) == (at in braces)
        assert decoder.incomplete == (at not in newlines | braces)


def test_the_account_of_a_line_decoder_ends_with_the_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kwatch._line_decoder, "MAX_DOCUMENT_BYTES", 10)
    decoder = LineDecoder(json.loads)
    decoder.receive_data(b'{"a":    1}')
    decoder.receive_eof()
    assert list(decoder.documents()) == [{"a": 1}]


# Lines that are not one document each


@pytest.mark.usefixtures("path")
def test_pretty_printed_documents_split_at_every_offset() -> None:
    status = load("widgets-watch-429-pretty-1.36").body
    documents = [json.loads(status), [], [1, {}], event("a", list=[1, [2]], empty={})]
    pretty = b"\n".join(json.dumps(document, indent=2).encode() for document in documents[1:])
    body = status + b"\n" + pretty + b"\n" + frame(documents[0])
    for at in range(len(body)):
        assert decode(Decoder(), body[:at], body[at:]) == [*documents, documents[0]]
    assert decode(Decoder(), *singles(body)) == [*documents, documents[0]]


@pytest.mark.usefixtures("path")
def test_compact_then_pretty_then_compact() -> None:
    compact, pretty = frame(event("a")), json.dumps(event("b"), indent=2).encode() + b"\n"
    body = compact + pretty + compact
    for at in range(len(body)):
        found = decode(Decoder(), body[:at], body[at:] + compact)
        assert found == [event("a"), event("b"), event("a"), event("a")]


@pytest.mark.usefixtures("path")
def test_a_compact_document_after_a_pretty_one_that_was_cut_short() -> None:
    pretty = json.dumps({"kind": "Status", "details": {"retryAfterSeconds": 1}}, indent=2).encode()
    for at in range(1, len(pretty)):
        documents, error, _ = feed(Decoder(), pretty[:at], frame({"a": 1}) * 2)
        assert documents == []
        assert error is not None


@pytest.mark.usefixtures("path")
def test_a_line_that_is_broken_after_its_first_key_is_not_pretty() -> None:
    for broken in (b'{"a":\n1}\n', b'{"a"\n:1}\n', b'{"a":1\n}\n', b"[1,\n2]\n", b'{"a":{\n}}\n'):
        documents, error, _ = feed(Decoder(), b"{}\n", *singles(broken))
        assert documents == [{}]
        assert str(error) == "a document was cut short: a line ends in the middle of it"
        # As one chunk, ijson has it whole before anybody could ask about its newlines.
        documents, error, _ = feed(Decoder(), b"{}\n", broken)
        assert len(documents) == (2 if error is None else 1)


@pytest.mark.usefixtures("path")
def test_blank_lines_and_carriage_returns() -> None:
    assert decode(Decoder(), b"\n\r\n \n\t\n") == []
    body = b"\n\n" + b"\r\n\r\n".join(FRAMES) + b"\r\n\n \n"
    for at in range(len(body)):
        decoder = Decoder()
        assert len(decode(decoder, body[:at], body[at:])) == 3
        assert not decoder.incomplete


@pytest.mark.parametrize("library", ["json", "orjson"])
def test_blank_lines_and_carriage_returns_in_lines(library: str) -> None:
    body = b"\n\n" + b"\r\n\r\n".join(FRAMES) + b"\r\n\n \n"
    for at in range(len(body)):
        decoder = line_decoder(library)
        assert len(decode(decoder, body[:at], body[at:])) == 3
        assert not decoder.incomplete


@pytest.mark.usefixtures("path")
def test_documents_that_are_no_objects() -> None:
    texts = [b"1", b'"a"', b"null", b"true", b"[]", b"-0.5", b"{}", b"null", b"12"]
    body = b"\n".join(texts) + b"\n"
    for at in range(len(body)):
        assert same(decode(Decoder(), body[:at], body[at:]), list(map(json.loads, texts)))


def test_nothing_is_nothing(line_or_not: MakeDecoder) -> None:
    decoder = line_or_not()
    assert decode(decoder, b"", b"") == []
    assert not decoder.incomplete
    decoder.receive_eof()
    assert list(decoder.documents()) == []
    assert not decoder.incomplete


# Whoever stops in the middle goes on there


@pytest.mark.parametrize("odd", [b"", b'{"odd":1e400}\n'])
def test_documents_are_taken_one_by_one(line_or_not: MakeDecoder, odd: bytes) -> None:
    lines = [frame({"n": n}) for n in range(1_500)]
    decoder = line_or_not()
    decoder.receive_data(odd if decoder.__class__ is Decoder else b"")
    assert len(list(decoder.documents())) in (0, 1)
    decoder.receive_data(b"".join(lines))
    for n in range(1_000):
        assert next(iter(decoder.documents())) == {"n": n}
    assert [document["n"] for document in decoder.documents()] == list(range(1_000, 1_500))
    assert list(decoder.documents()) == []


@pytest.mark.usefixtures("path")
def test_documents_are_taken_one_by_one_up_to_an_error() -> None:
    decoder = Decoder()
    decoder.receive_data(b'{"n":0}\n{"n":1}\n{"n":2}{"n":}\n{"n":3}\n')
    for n in range(3):
        assert next(decoder.documents()) == {"n": n}
    for _ in range(3):
        with pytest.raises(DecodeError):
            next(decoder.documents())


# Memory and garbage


def test_no_bytes_are_kept_after_a_document(line_or_not: MakeDecoder) -> None:
    big = frame(event("big", text="x" * 1_000_000, items=[{"n": n} for n in range(10_000)]))
    big_and_odd = big.replace(b'"n":17}', b'"n":1E200}')
    decoder = line_or_not()
    if isinstance(decoder, Decoder) and ijson.backend != "yajl2_c":
        pytest.skip("the Python backend keeps the last string and what follows it")
    decode(decoder, frame(event("warm up")))
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for body in (big, big_and_odd):
            for at in range(0, len(body), 65_536):
                decode(decoder, body[at : at + 65_536])
            gc.collect()
            assert tracemalloc.get_traced_memory()[0] - before < 100_000
    finally:
        tracemalloc.stop()


def test_events_take_memory_for_a_part_of_a_document_only() -> None:
    data = b"[" + b"0," * 150_000 + b"0]"
    builder = Builder(MAX_DEPTH)
    tracemalloc.start()
    try:
        (document,) = builder.feed(data)
        assert tracemalloc.get_traced_memory()[1] < 7_000_000
    finally:
        tracemalloc.stop()
    assert len(document) == 150_001


@pytest.mark.usefixtures("path")
def test_a_decoder_goes_quietly() -> None:
    """The Python backend would complain of a document that was not read to its end."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for body in (b"", b"{", b'{"a":[1', b'{"a":1}', b'{"a":1}\n', b'"a', b"tru", b"1", b"[}"):
            decoder = Decoder()
            feed(decoder, body)
            del decoder
            gc.collect()


# Anything at all

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
fuzz = settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def chunked(data: bytes, seed: int) -> Iterable[bytes]:
    cuts = random.Random(seed)
    at = 0
    while at < len(data):
        size = cuts.choice([1, 2, 5, 20, 100])
        yield data[at : at + size]
        at += size


@fuzz
@given(documents=st.lists(JSON, max_size=5), escaped=st.booleans(), seed=st.integers(0, 2**32))
def test_any_documents_in_any_chunks(
    path: str, documents: list[Any], escaped: bool, seed: int
) -> None:
    lines = [json.dumps(document, ensure_ascii=escaped).encode() + b"\n" for document in documents]
    decoder = Decoder()
    assert same(decode(decoder, *chunked(b"".join(lines), seed)), documents)
    assert not decoder.incomplete
    if path == "items":
        assert same(decode(LineDecoder(json.loads), *chunked(b"".join(lines), seed)), documents)


@st.composite
def corrupted(draw: st.DrawFn) -> tuple[list[Any], int, bytes, bytes]:
    """Draw documents, and their bytes, of which those of one are not what they were."""
    documents = draw(st.lists(st.dictionaries(TEXT, JSON, max_size=4), min_size=1, max_size=4))
    lines = [json.dumps(document).encode() for document in documents]
    index = draw(st.integers(0, len(lines) - 1))
    line = bytearray(lines[index])
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(line)))
        line[at : at + draw(st.integers(0, 4))] = draw(
            st.binary(max_size=3) | st.sampled_from([b"{", b"}", b'"', b"[", b",", b":", b"\\u"])
        )
    before, after = lines[:index], lines[index + 1 :]
    return documents, index, bytes(line), b"\n".join([*before, bytes(line), *after]) + b"\n"


@fuzz
@given(corrupted=corrupted(), seed=st.integers(0, 2**32))
def test_corrupt_documents(
    path: str, corrupted: tuple[list[Any], int, bytes, bytes], seed: int
) -> None:
    """Raise nothing but `DecodeError`, after the documents before; is there one, json agrees."""
    documents, index, line, body = corrupted
    found, error, _ = feed(Decoder(), *chunked(body, seed))
    assert same(found[:index], documents[:index])
    assert_tells_no_secret(error)
    decoder = Decoder()
    alone = feed(decoder, line + b"\n")
    try:
        value = json.loads(line)
    except json.JSONDecodeError as refusal:
        # Two documents in a line are fine; the Python backend takes some numbers, like +1.
        fine = refusal.msg == "Extra data" or path == "python" or not line.strip()
        assert fine or alone.error or decoder.incomplete or b"\n" in line
    except UnicodeDecodeError:
        assert alone.error or decoder.incomplete
    else:
        strange = b"NaN" in line or b"Infinity" in line or b"\\u" in line or b"\0" in line
        assert strange or line[:1] in b"\xef\xfe\xff" or same(alone.documents, [value])


def test_a_callable_is_not_asked_about_nothing() -> None:
    decoder = LineDecoder(lambda line: pytest.fail(f"{line!r} is no document"))
    decoder.receive_data(b" \n")
    decoder.receive_eof()
    assert list(decoder.documents()) == []
