"""`kwatch.cli._until`: what is waited for, and when it has come."""

from typing import Any

import pytest

from kwatch import Event, EventType, WatchState, WatchStatus
from kwatch._snapshot import INITIAL_EVENTS_END
from kwatch.cli._until import Condition, Until


def obj(name: str = "a", **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": "1"}, **fields}


def phase(name: str, value: str, event_type: EventType = EventType.MODIFIED) -> Event:
    return Event(event_type, obj(name, status={"phase": value}))


END_OF_LIST = Event(EventType.BOOKMARK, {"metadata": {"annotations": {INITIAL_EVENTS_END: "true"}}})
BOOKMARK = Event(EventType.BOOKMARK, {"metadata": {"resourceVersion": "7"}})


def ready(status: Any = "True", **fields: Any) -> dict[str, Any]:
    return (
        obj(status={"conditions": [{"type": "Other"}, {"type": "Ready", "status": status}]})
        | fields
    )


# What is no condition


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "cannot be empty"),
        ("condition=", "such as condition=Ready or condition=Ready=False"),
        ("condition=Ready=", "such as condition=Ready or condition=Ready=False"),
        ("condition==True", "such as condition=Ready"),
        ("status.phase = 'a'", "Unknown token '=' at column 14: status.phase >>> = 'a'"),
        ("status.phase ==", "Incomplete expression at column 16: status.phase == >>>"),
        ("a b", "Unexpected token: b at column 3: a >>> b"),
        ("status.'phase'", "at column"),
        ("nope(@)", r"Unknown function: nope\(\)"),
        ("a && (b || nope(@))", r"Unknown function: nope\(\)"),
        ("items[?nope(@)]", r"Unknown function: nope\(\)"),
        ("length(@, @)", "Expected 1 argument for function length"),
        ("a) || (b", "at column"),
        ("jsonpath={.status}", "at column"),
    ],
)
def test_what_is_wrong_with_an_expression_is_told_in_one_line(text: str, problem: str) -> None:
    expected = r"^expected condition=NAME\[=VALUE\], create, delete or a JMESPath expression"
    with pytest.raises(ValueError, match=expected) as caught:
        Condition(text)
    assert caught.match(problem)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        'status.phase == "Running"',
        '"Running" == status.phase',
        "\"status.phase == 'Running'\"",
        'spec.a && (spec.b || status.phase != "Running")',
        'spec.containers[?name == "a"]',
    ],
)
def test_a_text_in_double_quotes_would_never_be_true(text: str) -> None:
    with pytest.raises(ValueError, match="in JMESPath, double quotes are for fields"):
        Condition(text)


def test_fields_of_any_name_may_be_in_double_quotes() -> None:
    given = obj()
    given["metadata"]["labels"] = {"example.com/a": "b"}
    assert Condition("metadata.labels.\"example.com/a\" == 'b'").meets(given)


# condition=


@pytest.mark.parametrize("text", ["condition=Ready", "condition=ready=TRUE", "CONDITION=READY"])
def test_a_condition_is_compared_as_kubectl_does(text: str) -> None:
    meets = Condition(text).meets
    assert meets(ready())
    assert meets(ready("TRUE"))
    assert not meets(ready("False"))
    assert not meets(ready("Unknown"))


def test_a_condition_of_another_value() -> None:
    meets = Condition("condition=Ready=false").meets
    assert meets(ready("False"))
    assert not meets(ready("True"))
    assert not meets(obj())


@pytest.mark.parametrize(
    "given",
    [
        obj(),
        obj(status=None),
        obj(status=[]),
        obj(status={"conditions": {"type": "Ready"}}),
        obj(status={"conditions": [None, "Ready", {"type": 1}, {"status": "True"}]}),
        ready(None),
        ready(["True"]),
    ],
)
def test_an_object_without_the_condition_does_not_meet_it(given: dict[str, Any]) -> None:
    assert not Condition("condition=Ready").meets(given)


@pytest.mark.parametrize(("observed", "met"), [(1, False), (2, True), (3, True), ("1", True)])
@pytest.mark.parametrize("place", ["condition", "status"])
def test_a_condition_that_was_observed_before_the_last_change_does_not_count(
    observed: Any, met: bool, place: str
) -> None:
    given = ready()
    given["metadata"]["generation"] = 2
    owner = given["status"] if place == "status" else given["status"]["conditions"][1]
    owner["observedGeneration"] = observed
    assert Condition("condition=Ready").meets(given) is met


# JMESPath


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("metadata.name", True),
        ("metadata.name == 'a'", True),
        ("metadata.name == 'b'", False),
        ("nothing", False),
        ("nothing.at.all == `1`", False),
        ("empty_list", False),
        ("empty_text", False),
        ("empty_object", False),
        ("no", False),
        ("zero", True),
        ("length(metadata.name) == `1`", True),
        ("length(nothing) == `0`", False),
        ("to_number(metadata.name) > `0`", False),
        ("metadata.labels.a || metadata.name", True),
        ("metadata | name", True),
    ],
)
def test_what_is_true_in_jmespath(text: str, met: bool) -> None:
    given = obj(empty_list=[], empty_text="", empty_object={}, zero=0, no=False)
    assert Condition(text).meets(given) is met


def test_an_object_that_breaks_a_function_does_not_meet_it() -> None:
    deep: Any = "end"
    for _ in range(20_000):
        deep = [deep]
    assert not Condition("to_string(@) == 'a'").meets(obj(spec=deep))
    assert not Condition("ceil(spec) == `1`").meets(obj(spec=float("inf")))


# All, any, none


def reached(until: Until, *events: Event) -> list[bool]:
    return [until.receive(event) for event in events]


def test_all_that_exist_have_to_meet_it_and_all_have_to_have_come() -> None:
    until = Until(Condition("status.phase == 'Running'"))
    assert reached(
        until,
        phase("a", "Running", EventType.CREATED),
        phase("b", "Pending", EventType.CREATED),
        BOOKMARK,
        END_OF_LIST,
        phase("b", "Running"),
    ) == [False, False, False, False, True]


def test_one_that_is_deleted_need_not_meet_it() -> None:
    until = Until(Condition("status.phase == 'Running'"))
    events = [phase("a", "Running"), phase("b", "Pending"), END_OF_LIST]
    assert not any(reached(until, *events))
    assert until.receive(phase("b", "Pending", EventType.DELETED))


def test_one_that_no_longer_meets_it_counts_again() -> None:
    until = Until(Condition("status.phase == 'Running'"))
    events = [phase("a", "Running"), phase("a", "Failed"), END_OF_LIST, phase("b", "Running")]
    assert not any(reached(until, *events))
    assert until.receive(phase("a", "Running"))


def test_without_an_object_nothing_is_met() -> None:
    until = Until(Condition("status.phase"))
    assert not until.receive(END_OF_LIST)
    assert str(until) == "--until status.phase: there is no object"
    assert until.receive(phase("a", "Running"))


def test_any_one_will_do() -> None:
    until = Until(Condition("status.phase == 'Failed'"), any_=True)
    assert not any(reached(until, phase("a", "Running"), END_OF_LIST, phase("b", "Running")))
    assert until.receive(phase("b", "Failed"))


def test_create_and_delete() -> None:
    until = Until(Condition("create"))
    assert reached(until, END_OF_LIST, phase("a", "x")) == [False, True]
    until = Until(Condition("Delete"))
    assert reached(until, phase("a", "x"), phase("b", "x"), END_OF_LIST) == [False] * 3
    assert str(until) == "--until Delete: a and 1 more still there"
    assert not until.receive(phase("a", "x", EventType.DELETED))
    assert until.receive(phase("b", "x", EventType.DELETED))
    assert Until(Condition("delete")).receive(END_OF_LIST)


def test_any_deletion_will_do() -> None:
    until = Until(Condition("delete"), any_=True)
    assert reached(until, END_OF_LIST, phase("a", "x"), phase("b", "x")) == [False] * 3
    assert until.receive(phase("a", "x", EventType.DELETED))


def test_the_same_name_in_two_namespaces_is_two_objects() -> None:
    until = Until(Condition("status.phase == 'Running'"))
    one, other = phase("a", "Running"), phase("a", "Pending")
    one.obj["metadata"]["namespace"], other.obj["metadata"]["namespace"] = "x", "y"
    assert not any(reached(until, other, one, END_OF_LIST))
    assert str(until).endswith(": 1 of 2 objects meet it; y/a does not")


# When it is judged


def test_while_what_exists_comes_nothing_is_judged() -> None:
    status = WatchStatus(state=WatchState.SYNCING)
    until = Until(Condition("create"), status=status)
    assert not until.receive(phase("a", "x"))
    assert str(until) == "--until create: the server has not yet told all that exists"
    status.synced, status.state = True, WatchState.WATCHING
    assert until.receive(END_OF_LIST)


def test_while_a_gap_is_healed_nothing_is_judged() -> None:
    status = WatchStatus(synced=True, state=WatchState.LISTING)
    until = Until(Condition("status.phase == 'Running'"), status=status, ends=0)
    assert not until.receive(phase("a", "Running"))
    assert str(until).endswith(": what has come so far meets it, but more is still to come")
    status.relists, status.state = 1, WatchState.WATCHING
    assert not until.receive(phase("b", "Running"))
    assert until.receive(END_OF_LIST)
    assert until.receive(BOOKMARK)


def test_of_two_gaps_both_have_to_be_healed() -> None:
    status, one, other = of_two_namespaces()
    one.state = other.state = WatchState.LISTING
    until = Until(Condition("create"), status=status, ends=0)
    one.relists, one.state = 1, WatchState.WATCHING
    assert reached(until, phase("a", "x"), END_OF_LIST) == [False, False]
    other.relists, other.state = 1, WatchState.WATCHING
    assert reached(until, phase("b", "x"), END_OF_LIST) == [False, True]


def test_before_the_start_is_known_nothing_is_judged() -> None:
    status = WatchStatus(state=WatchState.WATCHING)
    until = Until(Condition("create"), any_=True, status=status, ends=0)
    assert not until.receive(phase("a", "x"))
    status.synced = True
    assert until.receive(phase("a", "x"))


def of_two_namespaces() -> tuple[WatchStatus, WatchStatus, WatchStatus]:
    one, other = (WatchStatus(synced=True, state=WatchState.WATCHING) for _ in range(2))
    status = WatchStatus(synced=True, state=WatchState.WATCHING)
    status.namespaces = {"one": one, "other": other}
    return status, one, other


def test_while_a_gap_of_one_namespace_is_healed_nothing_is_judged() -> None:
    status, one, other = of_two_namespaces()
    until = Until(Condition("status.phase == 'Running'"), status=status, ends=0)
    status.state = one.state = WatchState.WAITING  # and that is all that the status of both tells
    other.state = WatchState.LISTING
    assert not until.receive(phase("a", "Running"))
    other.state, other.relists = WatchState.WATCHING, 1  # but the end of it waits for its turn
    assert not until.receive(phase("a", "Running"))
    assert until.receive(END_OF_LIST)
    assert until.receive(phase("a", "Running"))


def test_what_exists_has_come_when_each_namespace_says_so() -> None:
    """The status of all is summed up in any thread, and may lag."""
    status, _, other = of_two_namespaces()
    status.synced, other.synced = True, False
    until = Until(Condition("create"), status=status, ends=2)
    assert reached(until, phase("a", "x"), END_OF_LIST) == [False, False]
    status.synced, other.synced = False, True
    assert until.receive(END_OF_LIST)


def test_a_recording_of_two_namespaces_has_two_ends() -> None:
    until = Until(Condition("create"), ends=2)
    assert reached(until, phase("a", "x"), END_OF_LIST, END_OF_LIST) == [False, False, True]


def test_any_one_of_a_recording_will_do_at_once() -> None:
    until = Until(Condition("status.phase == 'Failed'"), any_=True)
    assert reached(until, phase("a", "Running"), phase("a", "Failed")) == [False, True]


@pytest.mark.parametrize(
    "annotations", [None, [], {}, {INITIAL_EVENTS_END: "false"}, {INITIAL_EVENTS_END: True}]
)
def test_other_bookmarks_end_nothing(annotations: Any) -> None:
    until = Until(Condition("create"))
    bookmark = Event(EventType.BOOKMARK, {"metadata": {"annotations": annotations}})
    assert reached(until, phase("a", "x"), bookmark, END_OF_LIST) == [False, False, True]


def test_a_recording_without_an_end_is_judged_when_it_is_over() -> None:
    until = Until(Condition("create"))
    assert not until.receive(phase("a", "x"))
    assert until.finish()


def test_a_watch_that_is_over_is_not_judged_once_more() -> None:
    until = Until(Condition("create"), status=WatchStatus())
    assert not until.receive(phase("a", "x"))
    assert not until.finish()
