import json
import re
from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kwatch._discovery import discover, served
from kwatch._errors import (
    DecodeError,
    KwatchError,
    ProtocolError,
    StatusError,
    StreamError,
    UnknownKindError,
)
from kwatch._http import Reply, Request
from kwatch._resource import Resource
from tests.recorded import Recorded, load

T = TypeVar("T")

NOW = 1_700_000_000.0
Answer = Recorded | dict[str, Any] | tuple[int, bytes]

API_1_36 = load("discovery-api-1.36")
APIS_1_36 = load("discovery-apis-1.36")
CORE_1_36 = load("discovery-core-v1-1.36")
CORE_1_20 = load("discovery-core-v1-1.20")
GROUPS_1_20 = load("discovery-groups-1.20")
NOT_FOUND = load("not-found-1.20")
FORBIDDEN = load("pods-forbidden-1.36")
UNAUTHORIZED = load("unauthorized-1.20")

UNAVAILABLE = (503, b"service unavailable\n")
HTML = (200, b"<html>Please log in</html>")
AGGREGATED = {"/api": API_1_36, "/apis": APIS_1_36}


class Server:
    """Answers by path, 404 where it knows none, and notes what was asked."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = answers
        self.requests: list[Request] = []

    @property
    def asked(self) -> list[str]:
        return [request.path for request in self.requests]

    def discover(self, kind: str, api_version: str | None = None) -> Resource:
        return self.drive(discover(kind, api_version, now=lambda: NOW))

    def drive(self, steps: Generator[Request, Reply, T]) -> T:
        try:
            request = next(steps)
            while True:
                request = steps.send(self.reply(request))
        except StopIteration as stop:
            found: T = stop.value
            return found

    def reply(self, request: Request) -> Reply:
        self.requests.append(request)
        answer = self.answers.get(request.path, NOT_FOUND)
        if isinstance(answer, Recorded):
            return Reply(request, answer.code, answer.headers, answer.body)
        if isinstance(answer, dict):
            return Reply(request, 200, {}, json.dumps(answer).encode())
        return Reply(request, answer[0], {}, answer[1])


def versions(*names: str) -> dict[str, Any]:
    return {"kind": "APIVersions", "versions": list(names)}


def groups(**names: str) -> dict[str, Any]:
    """Plain /apis: ``apps="v2 v1"`` is a group whose last version is the preferred one."""
    entries = []
    for name, text in names.items():
        offered = [
            {"groupVersion": f"{name}/{version}", "version": version} for version in text.split()
        ]
        entries.append({"name": name, "versions": offered, "preferredVersion": offered[-1]})
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": entries}


def entry(
    plural: str, kind: str, verbs: str = "get list watch", short: str = "", **more: Any
) -> dict[str, Any]:
    names = {"name": plural, "kind": kind, "shortNames": short.split()}
    return {**names, "namespaced": True, "verbs": verbs.split(), **more}


def resources(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "APIResourceList", "resources": list(entries)}


def plain(**lists: dict[str, Any]) -> dict[str, Answer]:
    """Give a plain server with one version ``v1`` in each of these groups."""
    paths = {f"/apis/{group}/v1": document for group, document in lists.items()}
    return {"/api": versions(), "/apis": groups(**dict.fromkeys(lists, "v1")), **paths}


# Discovery that is refused, or is none


def test_a_malformed_name_is_refused_at_the_call() -> None:
    """Not at the first step of the generator, where nobody would look for it."""
    with pytest.raises(ValueError, match="expected a kind such as 'Pod'"):
        discover("pods/log", now=lambda: NOW)
    with pytest.raises(ValueError, match="expected an api_version such as 'v1'"):
        discover("pods", "apps/", now=lambda: NOW)


def test_s11_a_wrong_credential_shows_itself_at_the_first_request() -> None:
    server = Server({"/api": UNAUTHORIZED, "/apis": UNAUTHORIZED})
    with pytest.raises(StatusError) as caught:
        server.discover("pods")
    assert caught.value.code == 401
    assert server.asked == ["/api"]


@pytest.mark.parametrize(("refusal", "code"), [(FORBIDDEN, 403), (NOT_FOUND, 404)])
def test_s11_both_roots_refused(refusal: Recorded, code: int) -> None:
    server = Server({"/api": refusal, "/apis": refusal})
    with pytest.raises(StatusError) as caught:
        server.discover("pods")
    assert caught.value.code == code
    assert caught.value.where == "GET /apis"
    assert server.asked == ["/api", "/apis"]


@pytest.mark.parametrize(("kind", "root"), [("pods.", "/api"), ("deployments.apps", "/apis")])
def test_the_only_root_that_matters_refused(kind: str, root: str) -> None:
    server = Server({root: FORBIDDEN})
    with pytest.raises(StatusError):
        server.discover(kind)
    assert server.asked == [root]


@pytest.mark.parametrize("root", ["/api", "/apis"])
def test_a_root_that_is_broken_is_not_taken_for_one_that_lacks_the_kind(root: str) -> None:
    server = Server({"/api": versions(), "/apis": groups(), root: UNAVAILABLE})
    with pytest.raises(StatusError) as caught:
        server.discover("pods")
    assert caught.value.code == 503
    assert caught.value.where == f"GET {root}"


def test_a_retry_after_date_is_read_against_the_given_time() -> None:
    steps = discover("pods", now=lambda: NOW)
    headers = {"retry-after": "Tue, 14 Nov 2023 22:14:20 GMT"}
    with pytest.raises(StatusError) as caught:
        steps.send(Reply(next(steps), 429, headers, b""))
    assert caught.value.retry_after == 60


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (HTML, DecodeError),
        ((200, b""), DecodeError),
        ((200, b"[]"), ProtocolError),
        ({}, ProtocolError),
        ({"kind": "Status", "status": "Success"}, ProtocolError),
        ({"kind": ["APIGroupList"]}, ProtocolError),
    ],
)
@pytest.mark.parametrize("root", ["/api", "/apis"])
def test_a_root_that_is_no_discovery(root: str, answer: Answer, error: type[StreamError]) -> None:
    with pytest.raises(error):
        Server({"/api": versions(), root: answer}).discover("pods")


@pytest.mark.parametrize("core", [UNAVAILABLE, UNAUTHORIZED, HTML])
def test_a_broken_core_group_does_not_give_way_to_a_namesake(core: Answer) -> None:
    events = resources(entry("events", "Event"))
    server = Server({**plain(events=events), "/api": versions("v1"), "/api/v1": core})
    with pytest.raises(KwatchError):
        server.discover("events")
    assert server.asked == ["/api", "/api/v1"]


@pytest.mark.parametrize("refusal", [FORBIDDEN, NOT_FOUND])
@pytest.mark.parametrize("path", ["/api", "/api/v1"])
def test_a_core_group_that_is_not_for_us(path: str, refusal: Recorded) -> None:
    widgets = resources(entry("widgets", "Widget"))
    server = Server({**plain(example=widgets), "/api": versions("v1"), path: refusal})
    assert server.discover("widgets").api_version == "example/v1"


# With an api_version


@pytest.mark.parametrize("answer", [NOT_FOUND, (404, b'{"kind": "Status", "code": 404}')])
def test_an_api_version_that_is_not_served(answer: Answer) -> None:
    server = Server({"/apis/apps/v9": answer})
    with pytest.raises(UnknownKindError, match="does not serve api_version 'apps/v9'") as caught:
        server.discover("deployments", "apps/v9")
    assert isinstance(caught.value.__cause__, StatusError)
    assert server.asked == ["/apis/apps/v9"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [(FORBIDDEN, StatusError), (HTML, DecodeError), (versions("v1"), ProtocolError)],
)
def test_an_api_version_that_cannot_be_asked(answer: Answer, error: type[KwatchError]) -> None:
    with pytest.raises(error):
        Server({"/api/v1": answer}).discover("pods", "v1")


def test_an_api_version_without_the_kind() -> None:
    with pytest.raises(UnknownKindError) as caught:
        Server({"/api/v1": CORE_1_36}).discover("Deployment", "v1")
    assert str(caught.value) == "the server knows no resource 'Deployment' in v1"
    assert caught.value.kind == "Deployment"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("core", [CORE_1_20, CORE_1_36])
@pytest.mark.parametrize("kind", ["Pod", "pod", "pods", "PODS", "po", "Po", "pods.", "pods.v1."])
def test_an_api_version_is_the_only_one_asked(core: Recorded, kind: str) -> None:
    server = Server({"/api/v1": core})
    pods = server.discover(kind, "v1")
    assert (pods.api_version, pods.plural, pods.kind) == ("v1", "pods", "Pod")
    assert pods.namespaced
    assert "watch" in pods.verbs
    assert pods.short_names == ("po",)
    assert server.asked == ["/api/v1"]
    assert server.requests[0].headers == {"Accept": "application/json"}


def test_a_cluster_scoped_resource() -> None:
    assert not Server({"/api/v1": CORE_1_20}).discover("no", "v1").namespaced
    assert not Server(AGGREGATED).discover("no").namespaced


# Names that are not found


@pytest.mark.parametrize(
    ("kind", "near"),
    [
        ("Deploymnet", ("deployments.apps",)),
        ("DEPLOYMENT.app", ("deployments.apps",)),
        ("eventz", ("events", "events.events.k8s.io")),
        ("pdo", ("pods",)),
        ("pods.apps", ()),
        ("zzz", ()),
    ],
)
def test_near_names_best_first(kind: str, near: tuple[str, ...]) -> None:
    with pytest.raises(UnknownKindError) as caught:
        Server(AGGREGATED).discover(kind)
    assert caught.value.near[: len(near)] == near
    assert bool(caught.value.near) is bool(near)


def test_at_most_three_near_names() -> None:
    entries = [entry(f"widget{n}s", f"Widget{n}") for n in range(9)]
    with pytest.raises(UnknownKindError) as caught:
        Server(plain(example=resources(*entries))).discover("WidgetXs")
    assert len(caught.value.near) == 3
    assert "did you mean widget" in str(caught.value)


def test_subresources_are_no_resources() -> None:
    log = entry("pods/log", "PodLog", singularName="podlog", shortNames=["pl"])
    server = Server(plain(example=resources(log)))
    for kind in ("PodLog", "podlog", "pl"):
        with pytest.raises(UnknownKindError) as caught:
            server.discover(kind)
        assert caught.value.near == ()


@pytest.mark.parametrize("answers", [AGGREGATED, {"/api": versions("v1"), "/api/v1": CORE_1_20}])
def test_a_resource_that_cannot_be_watched(answers: Mapping[str, Answer]) -> None:
    with pytest.raises(UnknownKindError) as caught:
        Server({"/apis": groups(), **answers}).discover("ComponentStatus")
    message = "componentstatuses cannot be watched; its verbs are get, list"
    assert str(caught.value) == message
    assert caught.value.near == ()


def test_a_later_group_can_be_watched() -> None:
    lists = {"a": resources(entry("pods", "Pod", "list")), "b": resources(entry("pods", "Pod"))}
    assert Server(plain(**lists)).discover("pods").api_version == "b/v1"


def test_a_namesake_in_the_same_group_can_be_watched() -> None:
    """As OpenShift has it: two resources of one kind, of which one can only be created."""
    processed, stored = entry("processedx", "X", "create"), entry("xs", "X")
    assert Server(plain(a=resources(processed, stored))).discover("X").plural == "xs"


@pytest.mark.parametrize(
    "misshapen", [{"name": None}, {"name": "Pods!"}, {"name": ""}, {"kind": None}, {"kind": ""}]
)
def test_a_misshapen_entry_is_passed_over(misshapen: dict[str, Any]) -> None:
    lists = resources({**entry("pods", "Pod", short="po"), **misshapen})
    with pytest.raises(UnknownKindError):
        Server(plain(a=lists)).discover("po")


@pytest.mark.parametrize("namespaced", [False, None, "true", 1])
def test_what_does_not_say_that_it_is_namespaced_is_not(namespaced: Any) -> None:
    lists = resources(entry("pods", "Pod", namespaced=namespaced))
    assert not Server(plain(a=lists)).discover("pods").namespaced


@pytest.mark.parametrize("verbs", [None, [], "watch", [7]])
def test_unknown_verbs_do_not_stand_in_the_way(verbs: Any) -> None:
    pods = entry("pods", "Pod")
    pods["verbs"] = verbs
    assert Server(plain(a=resources(pods))).discover("pods").verbs == ()


# Groups that are broken

BROKEN: list[Answer] = [
    UNAVAILABLE,
    NOT_FOUND,
    HTML,
    (200, b"[]"),
    {"kind": "Status", "status": "Success"},
]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_group_does_not_hide_the_others(broken: Answer) -> None:
    server = Server(plain(metrics={}, example=resources(entry("widgets", "Widget"))))
    server.answers = {**server.answers, "/apis/metrics/v1": broken}
    assert server.discover("widgets").api_version == "example/v1"
    assert server.asked == ["/api", "/apis", "/apis/metrics/v1", "/apis/example/v1"]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_group_is_named_where_nothing_is_found(broken: Answer) -> None:
    server = Server(plain(metrics={}, example=resources(entry("widgets", "Widget"))))
    server.answers = {**server.answers, "/apis/metrics/v1": broken, "/api": FORBIDDEN}
    with pytest.raises(UnknownKindError) as caught:
        server.discover("widgts")
    assert str(caught.value) == (
        "the server knows no resource 'widgts' (could not ask /api, metrics/v1)"
        "; did you mean widgets.example?"
    )
    assert isinstance(caught.value.__cause__, StatusError)


def test_a_broken_group_is_named_where_the_found_cannot_be_watched() -> None:
    server = Server(plain(a=resources(entry("pods", "Pod", "list")), b={}))
    with pytest.raises(UnknownKindError) as caught:
        server.discover("pods")
    assert str(caught.value) == (
        "pods.a cannot be watched; its verbs are list (could not ask b/v1)"
    )
    assert isinstance(caught.value.__cause__, ProtocolError)


def aggregated(*items: tuple[str, str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Aggregated /apis: group, freshness, resources of ``v1``."""
    return {
        "kind": "APIGroupDiscoveryList",
        "items": [
            {
                "metadata": {"name": group},
                "versions": [{"version": "v1", "freshness": freshness, "resources": found}],
            }
            for group, freshness, found in items
        ],
    }


WIDGETS = {
    "resource": "widgets",
    "responseKind": {"group": "", "version": "", "kind": "Widget"},
    "scope": "Namespaced",
    "singularResource": "widget",
    "verbs": ["list", "watch"],
    "shortNames": ["wd"],
}


def test_a_stale_and_empty_group_is_asked_itself_and_hides_no_other() -> None:
    apis = aggregated(("metrics.k8s.io", "Stale", []), ("example.com", "Current", [WIDGETS]))
    server = Server({"/api": versions(), "/apis": apis, "/apis/metrics.k8s.io/v1": UNAVAILABLE})
    assert server.discover("wd").path() == "/apis/example.com/v1/widgets"
    assert server.asked == ["/api", "/apis", "/apis/metrics.k8s.io/v1"]
    with pytest.raises(UnknownKindError, match=r"\(could not ask metrics.k8s.io/v1\)"):
        server.discover("nothing")


def test_a_stale_group_that_is_back() -> None:
    apis = aggregated(("example.com", "Stale", []))
    lists = resources(entry("widgets", "Widget"))
    server = Server({"/api": versions(), "/apis": apis, "/apis/example.com/v1": lists})
    assert server.discover("widgets").api_version == "example.com/v1"


def test_a_stale_group_is_not_asked_where_another_is_meant() -> None:
    apis = aggregated(("metrics.k8s.io", "Stale", []), ("example.com", "Current", [WIDGETS]))
    server = Server({"/apis": apis})
    assert server.discover("widgets.example.com").kind == "Widget"
    assert server.asked == ["/apis"]


def test_a_stale_group_that_still_has_its_resources() -> None:
    server = Server({"/api": versions(), "/apis": aggregated(("a", "Stale", [WIDGETS]))})
    assert server.discover("widgets").api_version == "a/v1"
    assert server.asked == ["/api", "/apis"]


def test_an_empty_group_is_not_asked() -> None:
    server = Server({"/api": versions(), "/apis": aggregated(("a", "Current", []))})
    with pytest.raises(UnknownKindError):
        server.discover("widgets")
    assert server.asked == ["/api", "/apis"]


# Aggregated discovery


def test_the_roots_are_asked_for_aggregated_discovery_first() -> None:
    server = Server(AGGREGATED)
    server.discover("deploy")
    aggregated = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"
    accept = f"{aggregated.format('v2')},{aggregated.format('v2beta1')},application/json"
    assert [request.headers for request in server.requests] == [{"Accept": accept}] * 2


@pytest.mark.parametrize(
    ("kind", "path", "asked"),
    [
        ("Pod", "/api/v1/pods", ["/api"]),
        ("events", "/api/v1/events", ["/api"]),
        ("events.events.k8s.io", "/apis/events.k8s.io/v1/events", ["/apis"]),
        ("Deployment", "/apis/apps/v1/deployments", ["/api", "/apis"]),
        ("deployments.apps", "/apis/apps/v1/deployments", ["/apis"]),
        ("deploy.v1.apps", "/apis/apps/v1/deployments", ["/apis"]),
        ("crd", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", ["/api", "/apis"]),
        ("hpa", "/apis/autoscaling/v2/horizontalpodautoscalers", ["/api", "/apis"]),
        ("hpa.v1.autoscaling", "/apis/autoscaling/v1/horizontalpodautoscalers", ["/apis"]),
    ],
)
def test_aggregated_discovery(kind: str, path: str, asked: list[str]) -> None:
    server = Server(AGGREGATED)
    assert server.discover(kind).path() == path
    assert server.asked == asked


def test_aggregated_and_plain_discovery_say_the_same() -> None:
    plain_core = Server({"/api/v1": CORE_1_36})
    for kind in ("pods", "nodes", "services", "secrets", "pv"):
        assert Server(AGGREGATED).discover(kind) == plain_core.discover(kind, "v1")


# Plain discovery


def test_the_core_group_is_asked_first() -> None:
    server = Server({"/api": versions("v1"), "/apis": GROUPS_1_20, "/api/v1": CORE_1_20})
    assert server.discover("events").path("shop") == "/api/v1/namespaces/shop/events"
    assert server.asked == ["/api", "/api/v1"]


def test_a_group_is_asked_alone() -> None:
    lists = resources(entry("cronjobs", "CronJob", short="cj"))
    server = Server(
        {"/apis": GROUPS_1_20, "/apis/batch/v1beta1": lists, "/apis/batch/v1": resources()}
    )
    assert server.discover("cj.batch").api_version == "batch/v1beta1"
    assert server.asked == ["/apis", "/apis/batch/v1", "/apis/batch/v1beta1"]


def test_a_version_is_asked_alone() -> None:
    lists = resources(entry("cronjobs", "CronJob"))
    server = Server({"/apis": GROUPS_1_20, "/apis/batch/v1beta1": lists})
    assert server.discover("cronjobs.v1beta1.batch").api_version == "batch/v1beta1"
    assert server.asked == ["/apis", "/apis/batch/v1beta1"]


def test_preferred_versions_come_before_the_others() -> None:
    server = Server({"/api": versions(), "/apis": groups(a="v1 v2 v3", b="v2 v1")})
    with pytest.raises(UnknownKindError):
        server.discover("pods")
    assert server.asked == ["/api", "/apis"] + [
        f"/apis/{name}" for name in ("a/v3", "b/v1", "a/v1", "a/v2", "b/v2")
    ]


def test_the_first_match_ends_the_search() -> None:
    lists = resources(entry("pods", "Pod"))
    server = Server(plain(a=lists, b=lists))
    assert server.discover("pods").api_version == "a/v1"
    assert server.asked == ["/api", "/apis", "/apis/a/v1"]


@pytest.mark.parametrize(
    "exact", [entry("x", "Y"), entry("ys", "X"), entry("ys", "Y", singularName="x")]
)
def test_exact_names_win_over_short_names_within_a_group(exact: dict[str, Any]) -> None:
    by_short_name = entry("others", "Other", short="x")
    lists = resources(by_short_name, exact)
    assert Server(plain(a=lists)).discover("X").plural == exact["name"]


# Anything that a server may say

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
SAFE_PATH = r"/apis?(/[-a-z0-9.]+){0,2}"


@st.composite
def mutated(draw: st.DrawFn, make: Callable[[], Any]) -> Any:
    """Draw a document in which some values are anything, or missing."""
    document = make()
    for _ in range(draw(st.integers(1, 4))):
        node = document
        while isinstance(node, dict | list) and node:
            key = draw(
                st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node)))
            )
            if draw(st.integers(0, 2)) == 0 or not node[key]:
                if draw(st.booleans()):
                    node[key] = draw(JSON)
                else:
                    del node[key]
                break
            node = node[key]
    return document


def aggregated_items() -> dict[str, Any]:
    return aggregated(("a", "Current", [dict(WIDGETS)]), ("b", "Stale", []))


def plain_groups() -> dict[str, Any]:
    return groups(a="v1 v2", b="v1")


def resource_list() -> dict[str, Any]:
    return resources(entry("widgets", "Widget", short="wd"), entry("widgets/status", "Widget"))


def assert_only_own_errors(server: Server, kind: str) -> None:
    try:
        server.discover(kind)
    except KwatchError as error:
        str(error)
    assert all(re.fullmatch(SAFE_PATH, path) for path in server.asked)


@settings(derandomize=True, deadline=None)
@given(
    root=mutated(aggregated_items) | mutated(plain_groups) | JSON,
    listed=mutated(resource_list) | JSON,
    kind=st.sampled_from(["widgets", "wd", "Widget.a", "pods"]),
)
def test_documents_of_any_shape_raise_nothing_but_our_errors(
    root: Any, listed: Any, kind: str
) -> None:
    root, listed = (200, json.dumps(root).encode()), (200, json.dumps(listed).encode())
    paths = ["/api/v1", *(f"/apis/{name}" for name in ("a/v1", "a/v2", "b/v1"))]
    server = Server({"/api": versions("v1"), "/apis": root, **dict.fromkeys(paths, listed)})
    assert_only_own_errors(server, kind)


@settings(derandomize=True, deadline=None)
@given(body=st.binary() | st.text().map(str.encode), code=st.integers(100, 599))
def test_bytes_of_any_kind_raise_nothing_but_our_errors(body: bytes, code: int) -> None:
    for path in ("/api", "/apis", "/api/v1"):
        server = Server({"/api": versions("v1"), "/apis": groups(), path: (code, body)})
        assert_only_own_errors(server, "pods")


@pytest.mark.parametrize(
    "name", ["../../x", "a/b", "//evil.example", "a?b", "A", "", "a b", "\u00fc"]
)
def test_a_group_version_that_would_change_the_path_is_never_asked(name: str) -> None:
    offered = {"groupVersion": f"{name}/v1"}
    apis = {"kind": "APIGroupList", "groups": [{"name": name, "versions": [offered]}]}
    server = Server({"/api": versions(f"{name}/v1"), "/apis": apis})
    assert_only_own_errors(server, "widgets")
    assert server.asked == ["/api", "/apis"]


def test_a_group_version_that_is_named_again_and_again_is_asked_once() -> None:
    group = {
        "name": "a.io",
        "versions": [{"groupVersion": "a.io/v1"}] * 1000,
        "preferredVersion": {"groupVersion": "a.io/v1"},
    }
    answers = {"/apis": {"kind": "APIGroupList", "groups": [group] * 3}}
    server = Server(answers)
    with pytest.raises(UnknownKindError):
        server.discover("things.a.io")
    assert server.asked == ["/apis", "/apis/a.io/v1"]


# All that is served


def test_all_resources_of_a_server_that_aggregates() -> None:
    server = Server(AGGREGATED)
    found = {resource.full_name for resource in server.drive(served())}
    assert {
        "pods",
        "events",
        "deployments.apps",
        "flowschemas.flowcontrol.apiserver.k8s.io",
    } <= found
    assert server.asked == ["/api", "/apis"]


def test_all_resources_of_a_plain_server_but_for_a_version_that_is_out_of_order() -> None:
    pods, cars = resources(entry("pods", "Pod")), resources(entry("cars", "Car"))
    broken = {"/apis/bad/v1": UNAVAILABLE, "/apis/worse/v1": HTML}
    known = plain(bad=pods, worse=pods, good=cars) | {"/api": versions("v1"), "/api/v1": pods}
    found = Server(known | broken).drive(served())
    assert [resource.full_name for resource in found] == ["pods", "cars.good"]


def test_all_resources_of_what_is_no_api_server() -> None:
    with pytest.raises(StreamError):
        Server({"/api": HTML}).drive(served())
