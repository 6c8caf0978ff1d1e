"""What is made of whole answers: JSON, or an error for people."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kwatch import DecodeError, ExpiredError, ProtocolError, StatusError
from kwatch._http import Reply, Request, status_error
from tests.recorded import load

REQUEST = Request("/api/v1/pods", {"labelSelector": "a in (b,c)", "limit": "1"})
NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


DATE_WORDS = ["Fri,", "15", "Jan", "2027", "08:00:00", "25:61:61", "9999999999", "1e5", "-"]
DATE_WORDS += ["GMT", "+0000", "-0000", "+9999"]
JSON = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["kind", "code", "details", "retryAfterSeconds", "reason"]), inner
        )
    ),
)


def reply(body: bytes = b"", code: int = 500, **headers: str) -> Reply:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(REQUEST, code, fields, body)


def test_a_request_reads_as_one_would_write_it() -> None:
    assert str(REQUEST) == "GET /api/v1/pods?labelSelector=a+in+(b,c)&limit=1"
    assert str(Request("/apis")) == "GET /apis"


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a"', b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_a_decode_error_that_shows_nothing_of_it(body: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        reply(body, content_type="text/html").json()
    assert f"{len(body)} bytes (text/html)" in str(caught.value)
    assert "<html>" not in str(caught.value)


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"x"'])
def test_json_that_is_no_object_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError, match="expected a JSON object"):
        reply(body).json()


@pytest.mark.parametrize(
    ("name", "code", "reason", "retry_after", "told"),
    [
        ("pods-forbidden-1.36", 403, "Forbidden", None, 'User "token-noperm" cannot watch'),
        ("unauthorized-1.20", 401, "Unauthorized", None, "Unauthorized"),
        ("not-found-1.20", 404, "NotFound", None, "404 page not found"),
        ("watch-future-rv-1.36", 504, "Timeout", 1.0, "Too large resource version: 99999999"),
        ("watch-future-rv-1.20", 504, "Timeout", 1.0, "Too large resource version: 99999999"),
        ("widgets-watch-429-pretty-1.36", 429, "TooManyRequests", 1.0, "(re)initializing"),
    ],
)
def test_errors_as_real_servers_send_them(
    name: str, code: int, reason: str, retry_after: float | None, told: str
) -> None:
    recorded = load(name)
    error = Reply(REQUEST, recorded.code, recorded.headers, recorded.body).error(NOW)
    assert (error.code, error.reason, error.retry_after) == (code, reason, retry_after)
    assert told in error.message
    assert str(error).startswith(f"the server answered {code} {reason} to GET /api/v1/pods?")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("99999999999999999999", 86_400.0),
        ("Fri, 15 Jan 2027 08:01:30 GMT", 90.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("Fri, 15 Jan 9999 07:00:00 GMT", 86_400.0),
        ("-1", None),
        ("1.5", None),
        ("\u0663", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert reply(retry_after=value).error(NOW).retry_after == seconds


@pytest.mark.parametrize(
    ("status", "seconds"),
    [
        ({"details": {"retryAfterSeconds": 3}}, 3.0),
        ({"details": {"retryAfterSeconds": 10**30}}, 86_400.0),
        ({"details": {"retryAfterSeconds": 0}}, None),
        ({"details": {"retryAfterSeconds": -1}}, None),
        ({"details": {"retryAfterSeconds": "3"}}, None),
        ({"details": {"retryAfterSeconds": None}}, None),
        ({"details": [3]}, None),
        ({}, None),
    ],
)
def test_seconds_in_the_details_count_where_there_is_no_header(
    status: dict[str, Any], seconds: float | None
) -> None:
    assert status_error(status).retry_after == seconds
    assert status_error(status, retry_after=9.0).retry_after == 9.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (reply(b"<html>", 502, content_type="text/html; charset=x"), "6 bytes of text/html where"),
        (reply(b"", 302, location="https://login"), "a redirect to https://login"),
        (reply(b"bad\r\n gateway \xff", 502), "bad gateway \ufffd"),
        (reply(b'{"secret": 1}', 500, content_type="application/json"), "13 bytes of application/"),
    ],
)
def test_what_is_no_status_is_told_in_one_line(given: Reply, message: str) -> None:
    error = given.error(NOW)
    assert message in error.message
    assert "\n" not in str(error)
    assert error.status == {}


def test_410_is_expired_whoever_says_it() -> None:
    assert isinstance(reply(code=410).error(NOW), ExpiredError)
    assert isinstance(status_error({"code": 410}), ExpiredError)
    assert not isinstance(status_error({"code": 411}), ExpiredError)


@pytest.mark.parametrize("code", ["410", None, [410], 4.1])
def test_a_misshapen_code_is_an_internal_error(code: Any) -> None:
    error = status_error({"kind": "Status", "code": code, "message": 5, "reason": 7})
    assert (error.code, error.message, error.reason) == (500, "5", "7")
    assert type(error) is StatusError


@pytest.mark.parametrize("reason", ["Expired", "Gone"])
def test_a_reason_stands_for_a_code_that_is_missing(reason: str) -> None:
    assert isinstance(status_error({"kind": "Status", "reason": reason}), ExpiredError)
    assert not isinstance(status_error({"code": 500, "reason": reason}), ExpiredError)


def test_an_unknown_code_has_no_reason_of_its_own() -> None:
    assert str(status_error({"message": "odd"}, code=799)) == "the server answered 799: odd"


@pytest.mark.parametrize("body", [b'{"a": "SECRET', b'{"a": "SECRET\xff"}', b"SECRET"])
def test_what_json_raises_is_not_told_as_it_quotes_the_body(body: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        reply(body).json()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "SECRET" not in repr(caught.value)


def test_seconds_beyond_floats() -> None:
    assert status_error({"details": {"retryAfterSeconds": 10**400}}).retry_after == 86_400.0


@settings(derandomize=True, deadline=None)
@given(words=st.lists(st.sampled_from(DATE_WORDS) | st.text(max_size=5)))
def test_any_retry_after_is_seconds_or_nothing(words: list[str]) -> None:
    for separator in (" ", ""):
        seconds = reply(retry_after=separator.join(words)).error(NOW).retry_after
        assert seconds is None or 0 <= seconds <= 86_400


@settings(derandomize=True, deadline=None)
@given(body=st.binary() | JSON.map(json.dumps).map(str.encode), code=st.integers(100, 999))
def test_any_body_makes_an_error(body: bytes, code: int) -> None:
    error = reply(body, code).error(NOW)
    assert error.code == code
    assert str(code) in str(error)


def test_a_redirect_tells_no_query() -> None:
    headers = {"location": "https://login.test/auth?state=s3cret&code=c0de"}
    error = Reply(Request("/x"), 302, headers, b"").error(0.0)
    assert "https://login.test/auth" in str(error)
    assert "s3cret" not in str(error)
