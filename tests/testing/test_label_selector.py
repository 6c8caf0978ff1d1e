"""`kwatch.testing._label_selector`: label selectors."""

import httpx
import pytest

from kwatch.testing import FakeAPIServer
from tests.testing.asking import PODS, names_of, refused

PART = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
NAME = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    f"validation is '{PART}')"
)
VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
    f"'12345', regex used for validation is '({PART})?')"
)
KEY = (
    f"{NAME.replace('name part', 'a valid label key')} with an optional DNS subdomain prefix and "
    "'/' (e.g. 'example.com/MyName')"
)
PARSE = "unable to parse requirement: "
OPERATORS = "in, notin, =, ==, !=, gt, lt"
END = "',' or 'end of string'"
BEGIN = "!, identifier, or 'end of string'"
INTEGER = "for 'Gt', 'Lt' operators, the value must be an integer"


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        ("a===", f"{PARSE}found '=', expected: identifier"),
        ("a=(b)", f"{PARSE}found '(', expected: identifier"),
        ("!", f"{PARSE}found '', expected: identifier"),
        ("a=b,!", f"{PARSE}found '', expected: identifier"),
        ("a,,b", "found ',', expected: identifier after ','"),
        ("a,", "found '', expected: identifier after ','"),
        (",a", f"found ',', expected: {BEGIN}"),
        ("=a", f"found '=', expected: {BEGIN}"),
        ("==a", f"found '==', expected: {BEGIN}"),
        ("a=!=", f"{PARSE}found '!=', expected: identifier"),
        ("(a)", f"found '(', expected: {BEGIN}"),
        ("a=b c", f"found 'c', expected: {END}"),
        ("a=b=c", f"found '=', expected: {END}"),
        ("!a=b", f"found '=', expected: {END}"),
        ("a!=b!", f"found '!', expected: {END}"),
        ("a in (x,y) b", f"found 'b', expected: {END}"),
        ("a b", f"{PARSE}found 'b', expected: {OPERATORS}"),
        ("a!", f"{PARSE}found '!', expected: {OPERATORS}"),
        ("a in b", f"{PARSE}found 'b' expected: '('"),
        ("a in", f"{PARSE}found '' expected: '('"),
        ("a in (b", f"{PARSE}found '', expected: ',' or ')'"),
        ("a in (b,c", f"{PARSE}found '', expected: ',' or ')'"),
        ("a in (b c)", f"{PARSE}found 'c', expected: ',' or ')'"),
        ("a notin (", f"{PARSE}found '', expected: ',', ')' or identifier"),
        ("a>x", f'{PARSE}values[0]: Invalid value: "x": {INTEGER}'),
        ("a <", f'{PARSE}values[0]: Invalid value: "": {INTEGER}'),
        ("-a", f'{PARSE}<nil>: Invalid value: "-a": {NAME}'),
        ("a&b", f'{PARSE}<nil>: Invalid value: "a&b": {NAME}'),
        ("x/y/z", f'{PARSE}<nil>: Invalid value: "x/y/z": {KEY}'),
        ("a=b/c", f'{PARSE}values[0][a]: Invalid value: "b/c": {VALUE}'),
        ('a="b"', f'{PARSE}values[0][a]: Invalid value: "\\"b\\"": {VALUE}'),
        ("a in (b,-c)", f'{PARSE}values[1][a]: Invalid value: "-c": {VALUE}'),
        (
            f"a={'b' * 64}",
            f'{PARSE}values[0][a]: Invalid value: "{"b" * 64}": must be no more than 63 bytes',
        ),
    ],
)
def test_what_cannot_be_parsed(client: httpx.Client, selector: str, said: str) -> None:
    """The words are those that a server 1.36 has answered with."""
    for params in ({}, {"watch": "1"}):
        response = client.get(PODS, params={"labelSelector": selector, **params})
        assert refused(response) == (400, "BadRequest", said)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("", "abc"),
        ("app=web", "a"),
        ("app==web", "a"),
        ("app!=web", "bc"),
        ("app in (web, db)", "ab"),
        ("app notin (web,db)", "c"),
        ("app", "ab"),
        ("!app", "c"),
        ("app,tier=t1", "b"),
        ("app in (web,db),tier", "b"),
        ("example.com/x=", "c"),
        (" app = web ", "a"),
        ("app in ()", ""),
        ("app in (,web)", "a"),
        ("example.com/x in ()", "c"),
        ("app=,tier", ""),
        ("tier,app in(db)", "b"),
        ("app notin(web),!tier", "c"),
        ("in", ""),
        ("level>2", "b"),
        ("level<3", "a"),
        ("level in (many)", "c"),
        ("level>-1,level<5", "ab"),
    ],
)
def test_label_selectors(
    server: FakeAPIServer, client: httpx.Client, selector: str, expected: str
) -> None:
    server.create("Pod", "a", labels={"app": "web", "level": "2"})
    server.create("Pod", "b", labels={"app": "db", "tier": "t1", "level": "3"})
    server.create("Pod", "c", labels={"example.com/x": "", "level": "many"})
    assert names_of(client.get(PODS, params={"labelSelector": selector}).json()) == expected
