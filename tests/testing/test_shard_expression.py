"""`kwatch.testing._shard_expression`: the CEL of shard selectors."""

import pytest

from kwatch.testing import APIError
from kwatch.testing._shard_expression import Call, Expression, Field, Literal, expression

BEGINNINGS = (
    "'.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, "
    "IDENTIFIER}"
)
BEGINNING = f"{{'[', '{{', '(', {BEGINNINGS}"
ARGUMENT = f"{{'[', '{{', '(', ')', {BEGINNINGS}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a", Field("a")),
        (" ( a . b ) ", Field("a.b")),
        ("f()", Call("f", ())),
        ("x.f(a,\n'b')", Call("f", (Field("a"), Literal("b", "string")))),
        ("f(10, true)", Call("f", (Literal("10", "int64"), Literal("true", "bool")))),
        ("null", Literal("null", "structpb.NullValue")),
        ("a || b || c", Call("_||_", (Field("a"), Field("b"), Field("c")))),
        ("a || b && c", Call("_||_", (Field("a"), Call("_&&_", (Field("b"), Field("c")))))),
        ("!a", Call("!_", (Field("a"),))),
        ("!!a", Field("a")),
        ('"it\'s"', Literal("it's", "string")),
        ("0x7fffffffffffffff", Literal("0x7fffffffffffffff", "int64")),
    ],
)
def test_expressions(text: str, found: Expression) -> None:
    assert expression(text) == found


@pytest.mark.parametrize(
    ("text", "kind"), [("f()", 1), ("a", 3), ("'a'", 5), ("true", 5), ("a.b", 7), ("a || b", 1)]
)
def test_the_server_numbers_the_kinds_of_expressions(text: str, kind: int) -> None:
    assert expression(text).kind == kind


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("f(", f"mismatched input '<EOF>' expecting {ARGUMENT}"),
        ("f(a", "missing ')' at '<EOF>'"),
        ("(a", "missing ')' at '<EOF>'"),
        ("(a,", "mismatched input ',' expecting ')'"),
        ("f(,a)", f"extraneous input ',' expecting {ARGUMENT}"),
        ("f(a,)", f"mismatched input ')' expecting {BEGINNING}"),
        ("f(a,,b)", f"extraneous input ',' expecting {BEGINNING}"),
        ("f(())", f"mismatched input ')' expecting {BEGINNING}"),
        ("f(a b)", "extraneous input 'b' expecting ')'"),
        ("f(a 'b', 'c')", "mismatched input ''b'' expecting ')'"),
        ("f(a))", "extraneous input ')' expecting <EOF>"),
        ("f(a),f(b)", "mismatched input ',' expecting <EOF>"),
        ("f(a) f(b)", "mismatched input 'f' expecting <EOF>"),
        ("a ||", f"mismatched input '<EOF>' expecting {BEGINNING}"),
        ("|| a", f"extraneous input '||' expecting {BEGINNING}"),
        ("a.", "no viable alternative at input '.'"),
        ("a.(b)", "no viable alternative at input '.('"),
        ("12abc", "extraneous input 'abc' expecting <EOF>"),
        ("a | b", "token recognition error at: '| '"),
        ("f('a,'b')", "token recognition error at: '')'"),
        ("'", "token recognition error at: '''"),
        ("é", "token recognition error at: 'é'"),
    ],
)
def test_what_is_no_expression(text: str, said: str) -> None:
    """The words are those that a server 1.36 has answered with."""
    with pytest.raises(APIError) as caught:
        expression(text)
    assert caught.value.message == (
        f"invalid shard selector: CEL parse error: Syntax error: {said}"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0x8000000000000000", "invalid int literal"),
        ("9" * 20, "invalid int literal"),
        ("(" * 300 + "a" + ")" * 300, "expression recursion limit exceeded: 250"),
    ],
)
def test_what_goes_too_far(text: str, said: str) -> None:
    with pytest.raises(APIError) as caught:
        expression(text)
    assert (caught.value.code, caught.value.reason) == (500, "")
    assert caught.value.message == f"invalid shard selector: CEL parse error: {said}"
