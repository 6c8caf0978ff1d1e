"""`kwatch.testing._list_options`: which parameters go together."""

import httpx
import pytest

from tests.testing.asking import PODS

MATCH = "resourceVersionMatch"
FORBIDDEN = "FieldValueForbidden"
NO_VERSION = f"Forbidden: {MATCH} is forbidden unless resourceVersion is provided"
NO_CONTINUE = f"Forbidden: {MATCH} is forbidden when continue is provided"
NO_LIST = "Forbidden: sendInitialEvents is forbidden for list"
NOT_FOR_ZERO = f'Forbidden: {MATCH} "exact" is forbidden for resourceVersion "0"'
NO_WATCH = f"Forbidden: {MATCH} is forbidden for watch unless sendInitialEvents is provided"
REQUIRED = f"Forbidden: sendInitialEvents requires setting {MATCH} to NotOlderThan"


@pytest.mark.parametrize(
    ("params", "messages"),
    [
        ("resourceVersionMatch=Exact", [NO_VERSION]),
        ("resourceVersionMatch=NotOlderThan&resourceVersion=", [NO_VERSION]),
        ("resourceVersionMatch=Exact&resourceVersion=0", [NOT_FOR_ZERO]),
        ("resourceVersionMatch=Exact&resourceVersion=1&continue=x", [NO_CONTINUE]),
        (
            "resourceVersionMatch=Exact&resourceVersion=0&continue=x&sendInitialEvents=1",
            [NO_CONTINUE, NOT_FOR_ZERO, NO_LIST],
        ),
        ("resourceVersionMatch=NotOlderThan&continue=x", [NO_VERSION, NO_CONTINUE]),
        (
            "resourceVersionMatch=Foo",
            [
                NO_VERSION,
                'Unsupported value: "Foo": supported values: "Exact", "NotOlderThan", ""',
            ],
        ),
        ("sendInitialEvents=true", [NO_LIST]),
        ("watch=1&sendInitialEvents=true", [REQUIRED]),
        ("watch=1&sendInitialEvents=false", [REQUIRED]),
        ("watch=1&resourceVersionMatch=NotOlderThan", [NO_WATCH]),
        ("watch=1&resourceVersionMatch=NotOlderThan&continue=x", [NO_WATCH, NO_CONTINUE]),
        (
            "watch=1&resourceVersionMatch=Exact&sendInitialEvents=true",
            [REQUIRED, 'Unsupported value: "Exact": supported values: "NotOlderThan"'],
        ),
    ],
)
def test_options_that_do_not_go_together(
    client: httpx.Client, params: str, messages: list[str]
) -> None:
    refused = client.get(f"{PODS}?{params}")
    status = refused.json()
    causes = status["details"].pop("causes")
    assert (refused.status_code, status["reason"]) == (422, "Invalid")
    assert status["details"] == {"group": "meta.k8s.io", "kind": "ListOptions"}
    assert [cause["message"] for cause in causes] == messages
    for cause in causes:
        words, _, rest = cause["message"].partition(":")
        known = {"Forbidden": FORBIDDEN, "Unsupported value": "FieldValueNotSupported"}
        assert cause["reason"] == known[words]
        assert cause["field"] == ("sendInitialEvents" if rest == NO_LIST[10:] else MATCH)
    said = ", ".join(f"{cause['field']}: {cause['message']}" for cause in causes)
    said = said if len(causes) == 1 else f"[{said}]"
    assert status["message"] == f'ListOptions.meta.k8s.io "" is invalid: {said}'
