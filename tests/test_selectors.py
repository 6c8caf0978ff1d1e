import re
from collections import UserDict
from copy import deepcopy
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kwatch._selectors import field_selector, label_selector

LONGEST = "a" * 63


class Tier(str, Enum):  # noqa: UP042 - the point is that it is no StrEnum
    """The old way to make an enum of strings: its ``format`` is not its value."""

    KEY = "tier"
    WEB = "web"


# What is refused


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (b"web", "got b'web'; decode it"),
        (bytearray(b"web"), r"got bytearray\(b'web'\); decode it"),
        (5, "got 5; write '5'"),
        (1.5, "got 1.5; write '1.5'"),
        (True, "got True; write 'true'"),
        (False, "got False; write 'false'"),
        ({"a": "b"}, r"got \{'a': 'b'\}"),
        (object, "got <class 'object'>"),
    ],
)
def test_a_value_that_is_no_string(value: Any, hint: str) -> None:
    for selector in ({"app": value}, [("app", value)], [("app", "!=", value)], ("app", value)):
        with pytest.raises(TypeError, match=f"expected a value of 'app' as a str, {hint}"):
            label_selector(selector)
    with pytest.raises(TypeError, match=f"expected a value of 'app' as a str, {hint}"):
        field_selector({"app": value})


@pytest.mark.parametrize("values", [["a", 5], ("a", None), {5}, {"a", 5, None}, [["a"]], [b"a"]])
def test_a_list_with_a_value_that_is_no_string(values: Any) -> None:
    with pytest.raises(TypeError, match="expected a value of 'app' as a str, got"):
        label_selector({"app": values})


@pytest.mark.parametrize(
    "value",
    [
        "a b",
        "a,b",
        "a=b",
        "-a",
        "a-",
        ".a",
        "a.",
        "_a",
        "a\n",
        "a/b",
        "(a)",
        "\u00e4",
        "a" * 64,
        " ",
    ],
)
def test_a_value_that_no_label_can_have(value: str) -> None:
    for selector in ({"app": value}, {"app": [value]}, [("app", "!=", value)]):
        with pytest.raises(ValueError, match="expected a value of 'app' of at most 63 ") as caught:
            label_selector(selector)
        assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    "key",
    [
        *("", " ", "a b", "a=b", "-a", "a-", "/a", "a/", "a/b/c", "A.com/a", "a..b/c", "a_b/c"),
        *("a\n", "!a", "a" * 64, "a" * 254 + "/b", "\u00e4"),
    ],
)
def test_a_key_that_no_label_can_have(key: str) -> None:
    for selector in ({key: "web"}, {key: None}, [(key, "=", "web")]):
        with pytest.raises(ValueError, match="expected a label's key such as 'app'") as caught:
            label_selector(selector)
        assert repr(key) in str(caught.value)


@pytest.mark.parametrize("key", [None, 5, b"app", ("a", "b")])
def test_a_key_that_is_no_string(key: Any) -> None:
    with pytest.raises(TypeError, match="expected a label's key as a str"):
        label_selector({key: "web"})
    with pytest.raises(TypeError, match="expected a field's path as a str"):
        field_selector([(key, "web")])


@pytest.mark.parametrize("operator", ["~", "", "===", "=!", ">=", "like", "contains", "inn"])
def test_an_operator_that_there_is_not(operator: str) -> None:
    for selector in ([("app", operator, "web")], [("app", (operator, "web"))]):
        with pytest.raises(ValueError, match="expected an operator for 'app' out of =, !=, in, "):
            label_selector(selector)


@pytest.mark.parametrize("operator", [None, 5, b"=", ["in"], True])
def test_an_operator_that_is_no_string(operator: Any) -> None:
    with pytest.raises(TypeError, match="expected the operator for 'app' as a str"):
        label_selector([("app", operator, "web")])


@pytest.mark.parametrize("values", [[], (), set(), frozenset()])
def test_no_values_at_all(values: Any) -> None:
    """An empty ``in ()`` would select the label with an empty value."""
    for selector in ({"app": values}, [("app", "in", values)], [("app", ("notin", values))]):
        with pytest.raises(ValueError, match="expected at least one value for 'app'"):
            label_selector(selector)


@pytest.mark.parametrize("value", ["web", None, 5, b"ab", {"a": "b"}])
def test_one_of_what_is_no_list(value: Any) -> None:
    for operator in ("in", "NotIn"):
        with pytest.raises(TypeError, match="expected a list of values for 'app', got"):
            label_selector([("app", operator, value)])


@pytest.mark.parametrize("operator", ["=", "!=", ">"])
def test_equality_to_a_list(operator: str) -> None:
    with pytest.raises(TypeError, match="expected a value of 'app' as a str"):
        label_selector([("app", operator, ["web"])])


@pytest.mark.parametrize("value", ["web", "", False, True, ["a"], 0.5])
@pytest.mark.parametrize("operator", ["exists", "DoesNotExist"])
def test_existence_with_a_value(operator: str, value: Any) -> None:
    with pytest.raises(ValueError, match="expected no value for 'app' with"):
        label_selector([("app", operator, value)])


@pytest.mark.parametrize("value", ["", "a", "1.5", "0x1", "1_0", "\u0665"])
def test_a_comparison_with_what_is_no_number(value: str) -> None:
    with pytest.raises(ValueError, match="'app'"):
        label_selector([("app", ">", value)])


@pytest.mark.parametrize(
    "requirement",
    [
        (),
        ("app", "=", "web", "db"),
        ("app", ()),
        ("app", ("in",)),
        ("app", ("in", ["a"], "b")),
        ("app", ("eq", "a"), "b", "c"),
    ],
)
def test_a_tuple_of_another_length(requirement: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(key, value\) or \(key, operator, operand\)"):
        label_selector([requirement])


@pytest.mark.parametrize("item", [None, 5, b"app", {"app": "web"}, ["app", "web"], {"app"}])
def test_a_requirement_of_another_type(item: Any) -> None:
    for selector in (label_selector, field_selector):
        with pytest.raises(TypeError, match="expected a requirement as a str or tuple, got"):
            selector(["app=web", item])


@pytest.mark.parametrize("value", [b"app=web", bytearray(b"a"), 5, True, {"a", "b"}, iter(["a"])])
def test_a_selector_of_another_type(value: Any) -> None:
    for selector in (label_selector, field_selector):
        with pytest.raises(TypeError, match="expected a selector as a str, mapping or sequence"):
            selector(value)


@pytest.mark.parametrize("value", [("ne", "nw"), ("In", "us"), ("not_in", "a"), ("eq", "eq")])
def test_a_tuple_in_a_mapping_that_may_be_an_operator_is_refused(value: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="ambiguous") as caught:
        label_selector({"region": value})
    assert repr(list(value)) in str(caught.value)
    assert repr([("region", *value)]) in str(caught.value)


def test_two_words_that_are_no_operators_are_no_operator_and_value() -> None:
    with pytest.raises(ValueError, match=r"out of =, !=, .* got 'a'"):
        label_selector([("region", ("a", "b"))])


@pytest.mark.parametrize(
    ("selector", "error"),
    [
        ({"matchLabels": ["app"]}, "expected matchLabels as a mapping"),
        ({"matchLabels": True}, "expected matchLabels as a mapping"),
        ({"matchLabels": {"app": 5}}, "expected a value of 'app' as a str, got 5"),
        ({"matchLabels": {"app": ["a"]}}, "expected a value of 'app' as a str"),
        ({"matchExpressions": ["app"]}, "expected a mapping in matchExpressions, got 'app'"),
        ({"matchExpressions": {"app": "a"}}, "expected matchExpressions as a sequence"),
        ({"matchExpressions": True}, "expected matchExpressions as a sequence"),
        ({"matchExpressions": [{}]}, "expected a label's key as a str, got None"),
        ({"matchExpressions": [{"key": "a"}]}, "expected the operator for 'a' as a str"),
        ({"matchExpressions": [{"key": "a", "operator": "In"}]}, "expected a list of values"),
        ({"matchLabels": {}, "app": "web"}, "expected a value of 'matchLabels' as a str"),
    ],
)
def test_a_misshapen_label_selector_of_kubernetes(selector: Any, error: str) -> None:
    with pytest.raises(TypeError, match=error):
        label_selector(selector)


@pytest.mark.parametrize(
    "requirement",
    [
        ("spec.nodeName",),
        ("!spec.nodeName",),
        ("spec.nodeName", None),
        ("spec.nodeName", ["a", "b"]),
        ("spec.nodeName", "in", ["a"]),
        ("spec.nodeName", "notin", ["a"]),
        ("spec.nodeName", ("exists", None)),
        ("spec.nodeName", ">", "5"),
        ("spec.nodeName", "~", "a"),
    ],
)
def test_fields_can_be_compared_for_equality_alone(requirement: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"for 'spec\.nodeName' out of =, !=, got"):
        field_selector([requirement])


@pytest.mark.parametrize("key", ["", "a b", "a=b", "a!", "a,b", "a\\b", "a\n"])
def test_a_path_that_no_field_can_have(key: str) -> None:
    with pytest.raises(ValueError, match=r"expected a field's path such as 'metadata\.name'"):
        field_selector({key: "a"})


# What is accepted


@pytest.mark.parametrize("value", [None, "", "  \n", {}, [], (), [""], ["", " "]])
def test_nothing_selects_everything(value: Any) -> None:
    assert label_selector(value) is None
    assert field_selector(value) is None


@pytest.mark.parametrize(
    "value", ["app=web", "tier in (a, b),!canary", "a == b", "x>5", "no selector at all ,,"]
)
def test_a_string_is_passed_on_stripped(value: str) -> None:
    for selector in (label_selector, field_selector):
        assert selector(value) == value
        assert selector(f" {value}\n") == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"app": "web"}, "app=web"),
        ({"app": ""}, "app="),
        ({"app": "web", "tier": ["b", "a"]}, "app=web,tier in (b,a)"),
        ({"tier": ("b", "a")}, "tier in (b,a)"),
        ({"tier": ("ne", "nw", "sw")}, "tier in (ne,nw,sw)"),
        ({"tier": ["ne", "nw"]}, "tier in (ne,nw)"),
        ({"tier": {"b", "c", "a"}}, "tier in (a,b,c)"),
        ({"tier": frozenset("ba")}, "tier in (a,b)"),
        ({"tier": {"b": 1, "a": 2}.keys()}, "tier in (a,b)"),
        ({"tier": ["a"]}, "tier in (a)"),
        ({"tier": ["", "a"]}, "tier in (,a)"),
        ({"canary": None}, "canary"),
        ({"app.kubernetes.io/name": "Web_1.2-x"}, "app.kubernetes.io/name=Web_1.2-x"),
        ({"app": LONGEST}, f"app={LONGEST}"),
        ({LONGEST: "a"}, f"{LONGEST}=a"),
        ({"a" * 253 + "/b": "c"}, "a" * 253 + "/b=c"),
        (UserDict({"app": "web"}), "app=web"),
        ({Tier.KEY: Tier.WEB}, "tier=web"),
        ({Tier.KEY: [Tier.WEB]}, "tier in (web)"),
    ],
)
def test_a_mapping_of_labels(value: Any, expected: str) -> None:
    assert label_selector(value) == expected


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        ("app=web", "app=web"),
        (" !canary ", "!canary"),
        ("partition", "partition"),
        (("partition",), "partition"),
        (("!partition",), "!partition"),
        (("partition", None), "partition"),
        (("partition", "exists"), "partition=exists"),
        (("partition", "exists", None), "partition"),
        (("partition", ("exists", None)), "partition"),
        (("partition", "Exists", []), "partition"),
        (("partition", "not_exists", None), "!partition"),
        (("partition", "notexists", None), "!partition"),
        (("partition", "DoesNotExist", ()), "!partition"),
        (("environment", "production"), "environment=production"),
        (("environment", ("eq", "production")), "environment=production"),
        (("environment", "=", "production"), "environment=production"),
        (("environment", "==", "production"), "environment=production"),
        (("environment", "eq", "in"), "environment=in"),
        (("tier", ("neq", "db")), "tier!=db"),
        (("tier", ("ne", "db")), "tier!=db"),
        (("tier", "!=", ""), "tier!="),
        (("environment", ["production", "qa"]), "environment in (production,qa)"),
        (("environment", ("in", ["production", "qa"])), "environment in (production,qa)"),
        (("environment", "In", ("production", "qa")), "environment in (production,qa)"),
        (("tier", ("notin", ["a", "b"])), "tier notin (a,b)"),
        (("tier", ("not_in", {"b", "a"})), "tier notin (a,b)"),
        (("tier", "not in", ["a"]), "tier notin (a)"),
        (("tier", "NotIn", ["a"]), "tier notin (a)"),
        (("size", ">", "5"), "size>5"),
        (("size", ("gt", "5")), "size>5"),
        (("size", "Lt", "0"), "size<0"),
    ],
)
def test_a_requirement_on_labels(requirement: Any, expected: str) -> None:
    assert label_selector([requirement]) == expected
    assert label_selector(["x", requirement, ""]) == f"x,{expected}"
    if isinstance(requirement, tuple):
        assert label_selector(requirement) == expected


def test_a_tuple_of_strings_is_a_requirement_only_where_it_starts_with_a_key() -> None:
    assert label_selector(("app", "web")) == "app=web"
    assert label_selector(("app=web", "tier")) == "app=web,tier"
    assert label_selector(("!app", "tier")) == "!app,tier"
    assert label_selector((("app", "web"), ("tier", "db"))) == "app=web,tier=db"
    with pytest.raises(ValueError, match="expected a value of 'app'"):
        label_selector(("app", "tier=db"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"matchLabels": {"app": "web", "tier": ""}}, "app=web,tier="),
        ({"matchLabels": {"app": "web"}, "matchExpressions": None}, "app=web"),
        ({"matchLabels": None}, None),
        ({"matchExpressions": []}, None),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, "a"),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist", "values": []}]}, "!a"),
        (
            {
                "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["b", "a"]}],
                "matchLabels": {"app": "web"},
            },
            "app=web,tier notin (b,a)",
        ),
        ({"matchLabels": "plain"}, "matchLabels=plain"),
    ],
)
def test_a_label_selector_of_kubernetes(value: Any, expected: str | None) -> None:
    assert label_selector(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"metadata.name": "web-0"}, "metadata.name=web-0"),
        ({"spec.nodeName": ""}, "spec.nodeName="),
        ({"a": "1", "b": "2"}, "a=1,b=2"),
        (("status.phase", "Running"), "status.phase=Running"),
        (("status.phase", "!=", "Running"), "status.phase!=Running"),
        ([("status.phase", ("neq", "Running")), "a=b"], "status.phase!=Running,a=b"),
        ([("status.phase", "==", "Running")], "status.phase=Running"),
        ([("status.phase", "exists")], "status.phase=exists"),
        (("a=b", "c=d"), "a=b,c=d"),
        ({"a": r"b\c,d=e"}, r"a=b\\c\,d\=e"),
        ({"a": "! <(x)> \u00e4"}, "a=! <(x)> \u00e4"),
        ({"matchLabels": "x"}, "matchLabels=x"),
        ({Tier.KEY: Tier.WEB}, "tier=web"),
    ],
)
def test_fields(value: Any, expected: str) -> None:
    assert field_selector(value) == expected


def unescaped(text: str) -> str:
    """Undo the escapes as the server does."""
    characters = iter(text)
    return "".join(next(characters) if character == "\\" else character for character in characters)


@settings(derandomize=True, deadline=None)
@given(st.text())
def test_an_escaped_field_is_one_requirement_and_gives_the_value_back(value: str) -> None:
    selector = field_selector({"a": value})
    assert selector is not None
    assert unescaped(selector.removeprefix("a=")) == value
    assert not re.search(r"(?<!\\)(\\\\)*[,=]", selector.removeprefix("a="))


@pytest.mark.parametrize(
    "value",
    [
        {"app": "web", "tier": ["b", "a"], "x": {"d", "c"}},
        [("tier", "in", ["b", "a"]), ["a"][0]],
        {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "k", "operator": "Exists"}]},
    ],
)
def test_arguments_are_not_mutated(value: Any) -> None:
    before = deepcopy(value)
    assert label_selector(value) == label_selector(value)
    assert value == before


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.sampled_from(["a", "in"]),
    lambda inner: (
        st.lists(inner, max_size=3).flatmap(lambda x: st.sampled_from([x, tuple(x)]))
        | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=6,
)


@settings(derandomize=True, deadline=None)
@given(ANYTHING)
def test_anything_is_a_selector_or_a_clear_error(value: Any) -> None:
    for selector in (label_selector, field_selector):
        try:
            message = f"expected {selector(value) or None}"
        except (TypeError, ValueError) as error:
            message = str(error)
        assert re.match("expected|ambiguous", message)
