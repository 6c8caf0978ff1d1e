"""What is asked of a real server and of the fake one, which must give the same answers.

``python -m tests.e2e.conformance`` puts it to the fake server, and shows its events beside those
of the real one: of that which ``KWATCH_E2E_KUBECONFIG`` names, else as they were recorded. With
``--record`` it prints what the real one answers, for ``tests/fixtures``.
"""

import json
import os
import sys
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from pathlib import Path

import httpx

from kwatch import KubeConfig

from .fake import TOKEN, fake_server
from .live import Object, namespaces, serve_widgets, wait_for
from .script import JSON, MERGE, Script, widget
from .transcript import compare

RECORDING = Path(__file__).parents[1] / "fixtures" / "conformance-1.36.json"
GROUP = "/apis/example.com/v1"
PARTIAL = f"{JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
PARTIAL_LIST = f"{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
TABLE = f"{JSON};as=Table;g=meta.k8s.io;v=v1"
INITIAL = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
BOOKMARKS = {"allowWatchBookmarks": "true"}


def play(client: httpx.Client) -> list[Object]:
    """Put the whole script to a server; give what it answers, made comparable."""
    script = Script(client, f"kwatch-e2e-{uuid.uuid4().hex[:8]}")
    with namespaces(client, script.namespace), ThreadPoolExecutor(16) as pool:
        start = {"resourceVersion": script.begin}
        live = pool.submit(script.watch, "watch live", **start, timeoutSeconds="4")
        for part in (changes, status, finalizers, deletions, lists, pages, errors):
            part(script)
        asked = list(watched(start))
        watches = [pool.submit(script.watch, what, how, **more) for what, how, more in asked]
        wait_for(lambda: {what for what, _, _ in asked} <= script.opened)
        script.create("last")
        script.ask("delete the last", "DELETE", "last")
        script.steps += [watch.result() for watch in [live, *watches]]
    return compare(script.steps, script.namespace)


def changes(script: Script) -> None:
    """Create, patch, put, and relabel in and out of a selector."""
    script.ask("list nothing", "GET")
    old = script.create("a", {"app": "web"})
    script.create("b", {"app": "db"})
    script.ask("get a", "GET", "a")
    script.patch("patch a", "a", {"spec": {"size": 2, "color": None, "new": {"deep": [1]}}})
    script.patch("patch that changes nothing", "a", {"spec": {"size": 2}})
    script.patch("annotate a", "a", {"metadata": {"annotations": {"note": "x"}}})
    script.ask("put an old version of a", "PUT", "a", json=old)
    version = {"resourceVersion": old["metadata"]["resourceVersion"]}
    script.patch("patch an old version of a", "a", {"metadata": version})
    script.ask("delete an old version of a", "DELETE", "a", json={"preconditions": version})
    script.ask("create as a trial", "POST", params={"dryRun": "All"}, json=widget("trial"))
    obj = script.ask("get a again", "GET", "a")
    script.ask("put a", "PUT", "a", json=obj | {"spec": {"size": 3}})
    script.ask("put without a version", "PUT", "a", json=widget("a", {"app": "web"}))
    script.patch("relabel b into app=web", "b", {"metadata": {"labels": {"app": "web"}}})
    script.patch("relabel a out of app=web", "a", {"metadata": {"labels": {"app": None}}})
    script.patch("change a outside", "a", {"spec": {"size": 4}})


def status(script: Script) -> None:
    """The status has a path of its own, and nothing else is written there."""
    script.patch("patch the status", "a/status", {"status": {"phase": "Ready"}})
    ignored = {"status": {"phase": "Busy"}, "spec": {"size": 9}}
    script.patch("patch the status, and more", "a/status", ignored)
    script.patch("patch a status beside its path", "a", {"status": {"phase": "Lost"}})
    script.ask("create with a status", "POST", json=widget("s") | {"status": {"phase": "New"}})
    script.ask("delete what had a status", "DELETE", "s")
    obj = script.ask("get the status", "GET", "a/status")
    script.ask("put the status", "PUT", "a/status", json=obj | {"status": {"phase": "Done"}})


def finalizers(script: Script) -> None:
    """What has finalizers is marked as deleted first."""
    script.create("held", {"app": "web"}, finalizers=["example.com/hold"])
    script.ask("delete what is held", "DELETE", "held")
    script.ask("delete what is held again", "DELETE", "held")
    script.patch("change what is deleted", "held", {"spec": {"size": 5}})
    script.patch("let it go", "held", {"metadata": {"finalizers": None}})
    script.ask("get what has gone", "GET", "held")


def deletions(script: Script) -> None:
    """Delete, under conditions too, and create again."""
    uid = {"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}}
    script.ask("delete another b", "DELETE", "b", json=uid)
    script.ask("delete b", "DELETE", "b")
    script.ask("delete b, which has gone", "DELETE", "b")
    script.ask("create b again", "POST", json=widget("b", {"app": "web"}))
    for name in ("x-1", "x-2"):
        script.create(name, {"app": "x"})
    script.ask("delete a collection", "DELETE", params={"labelSelector": "app=x"})


def lists(script: Script) -> None:
    """Lists: all, selected, of metadata, as a table."""
    for selector in ("app=web", "app in (web,db)", "app!=web", "app", "!app", "app==web,!b"):
        script.ask(f"list {selector}", "GET", params={"labelSelector": selector})
    for selector in ("metadata.name=a", "metadata.name!=a", "metadata.namespace=other"):
        script.ask(f"list {selector}", "GET", params={"fieldSelector": selector})
    script.ask("list from the cache", "GET", params={"resourceVersion": "0"})
    at_start = {"resourceVersion": script.begin, "resourceVersionMatch": "Exact"}
    script.ask("list what was at the start", "GET", params=at_start)
    recent = {"resourceVersion": script.begin, "resourceVersionMatch": "NotOlderThan"}
    script.ask("list what is not older", "GET", params=recent)
    for what, accept in (("metadata", PARTIAL_LIST), ("a table", TABLE)):
        script.ask(f"list as {what}", "GET", headers={"Accept": f"{accept},{JSON}"})
    for what, accept in (("metadata", PARTIAL), ("a table", TABLE)):
        script.ask(f"get as {what}", "GET", "a", headers={"Accept": accept})


def pages(script: Script) -> None:
    """A list in pages is as of its first one, whatever happens meanwhile."""
    for name in "cde":
        script.create(name)
    page = script.ask("list the first page", "GET", params={"limit": "2"})
    script.ask("delete e", "DELETE", "e")
    for number in ("second", "third"):
        token = page["metadata"].get("continue", "")
        page = script.ask(
            f"list the {number} page", "GET", params={"limit": "2", "continue": token}
        )


def errors(script: Script) -> None:
    """Requests that are refused."""
    script.ask("get nothing", "GET", "nothing")
    script.ask("list an unknown kind", "GET", f"{GROUP}/gadgets")
    script.ask("create what exists", "POST", json=widget("a"))
    script.ask("create in no namespace", "POST", f"{GROUP}/widgets", json=widget("n"))
    script.ask("create in another namespace", "POST", json=widget("n", namespace="other"))
    script.ask("create without a name", "POST", json=widget(""))
    script.ask("create a bad name", "POST", json=widget("A_b"))
    script.ask("create another kind", "POST", json=widget("n") | {"kind": "Gadget"})
    script.ask("create garbage", "POST", content="{", headers={"Content-Type": JSON})
    script.ask("create text", "POST", content="n", headers={"Content-Type": "text/plain"})
    script.ask("delete a status", "DELETE", "a/status")
    script.ask("put to a collection", "PUT", json=widget("n"))
    script.ask("post to an object", "POST", "a", json=widget("a"))
    script.ask("put another name", "PUT", "a", json=widget("b"))
    script.ask("put what is not there", "PUT", "nothing", json=widget("nothing"))
    script.ask("patch as text", "PATCH", "a", content="{}", headers={"Content-Type": "text/plain"})
    script.ask("patch with garbage", "PATCH", "a", content="{", headers={"Content-Type": MERGE})
    script.patch("patch a name", "a", {"metadata": {"name": "z"}})
    script.ask("get as text", "GET", "a", headers={"Accept": "text/plain"})
    refused: tuple[Object, ...] = (
        {"labelSelector": "a=b=c"},
        {"labelSelector": "a in b"},
        {"fieldSelector": "spec.color=red"},
        {"fieldSelector": "nonsense"},
        {"limit": "many"},
        {"continue": "nonsense"},
        {"resourceVersion": "abc"},
        {"resourceVersionMatch": "Exact"},
        {"resourceVersion": "0", "resourceVersionMatch": "Sometimes"},
        {"watch": "1", "resourceVersion": "abc"},
        {"watch": "1", "resourceVersionMatch": "NotOlderThan"},
        {"watch": "1", "sendInitialEvents": "true"},
        {"watch": "1", "timeoutSeconds": "soon"},
    )
    for params in refused:
        said = "&".join(f"{key}={value}" for key, value in params.items())
        script.ask(f"list ?{said}", "GET", params=params)


def watched(start: dict[str, str]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """What is watched after all that happened: in words, as what, with which parameters.

    While they are open, one more object is created, and deleted.
    """
    web = {"labelSelector": "app=web"}
    yield "watch all since the start", JSON, start
    yield "watch app=web since the start", JSON, start | web
    yield "watch a since the start", JSON, start | {"fieldSelector": "metadata.name=a"}
    yield "watch metadata since the start", PARTIAL, start
    yield "watch a table since the start", TABLE, start
    yield "watch with bookmarks", JSON, start | BOOKMARKS | {"timeoutSeconds": "3"}
    yield "watch from now", JSON, {}
    yield "watch what exists", JSON, {"resourceVersion": "0"}
    yield "watch a streaming list", JSON, INITIAL | BOOKMARKS
    yield "watch a streaming list of app=web", JSON, INITIAL | BOOKMARKS | web
    yield "watch a streaming list of metadata", PARTIAL, INITIAL | BOOKMARKS
    yield "watch a streaming list of nothing", JSON, INITIAL | BOOKMARKS | {"labelSelector": "no"}
    yield "watch a streaming list without bookmarks", JSON, INITIAL
    yield "watch from what is forgotten", JSON, {"resourceVersion": "1"}


def recorded() -> list[Object]:
    """Give what a real server answered."""
    steps: list[Object] = json.loads(RECORDING.read_text())
    return steps


def fake() -> list[Object]:
    """Give what a fake server answers."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with fake_server() as server, httpx.Client(base_url=server.url, headers=headers) as client:
        return play(client)


def real(kubeconfig: str) -> list[Object]:
    """Give what the real server answers."""
    config = KubeConfig.load(kubeconfig, os.environ.get("KWATCH_E2E_CONTEXT"))
    with config.client(timeout=30.0) as client:
        serve_widgets(client)
        return play(client)


def events(steps: Iterable[Object]) -> dict[str, list[str]]:
    """Give the events of each watch, one line for each."""
    watches = {step["what"]: step["answer"] for step in steps if isinstance(step["answer"], list)}
    return {what: [_line(event) for event in answer] for what, answer in watches.items()}


def _line(event: Object) -> str:
    obj = event["object"]
    if obj["kind"] == "Table":
        return f"{event['type']:<9} " + ", ".join(row["cells"][0] for row in obj["rows"])
    metadata = obj["metadata"]
    return (
        f"{event['type']:<9} {metadata.get('name', ''):<5} {metadata.get('resourceVersion', ''):>3}"
        f" {obj.get('reason', '')}"
    )


def side_by_side(left: dict[str, list[str]], right: dict[str, list[str]]) -> Iterator[str]:
    """Show two lists of events for each watch; what differs begins with ``!``."""
    for what in left:
        yield f"\n{what}"
        for one, other in zip_longest(left[what], right.get(what, []), fillvalue=""):
            yield f"{'  ' if one == other else '! '}{one:<30}{other}".rstrip()


def main(arguments: list[str]) -> None:
    """Show, or record."""
    kubeconfig = os.environ.get("KWATCH_E2E_KUBECONFIG")
    if arguments == ["--record"]:
        if not kubeconfig:
            sys.exit("KWATCH_E2E_KUBECONFIG names no kubeconfig of a real API server")
        lines = (json.dumps(step, ensure_ascii=False) for step in real(kubeconfig))
        sys.stdout.write("[\n" + ",\n".join(lines) + "\n]\n")
        return
    theirs = real(kubeconfig) if kubeconfig else recorded()
    sys.stdout.write(f"  {'the real server' if kubeconfig else 'recorded':<30}the fake server\n")
    for line in side_by_side(events(theirs), events(fake())):
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
