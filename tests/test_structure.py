"""The shape of the house: which way imports go, what is exported, and that the front ends match."""

import ast
import re
from pathlib import Path
from typing import ClassVar

import pytest

import kwatch

PACKAGE = Path(kwatch.__file__).parent

LAYERS = (
    ("_chunks", "_either", "_errors", "_results", "_version"),
    ("_child_spec", "_http", "_reasons"),
    ("_events",),
    ("_behaviour", "_steps"),
    ("_life", "_supervision"),
    ("_adrive", "_drive"),
    ("_abilities", "_backoff", "_builder", "_cursor", "_journal", "_known", "_liveness"),
    ("_nesting", "_selectors", "_shard", "_siblings", "_stop"),
    ("_decoder", "_status"),
    ("_json", "_line_decoder", "_lines", "_list", "_options", "_parts", "_redaction"),
    ("_header", "_snapshot"),
    ("_recording", "_replay", "_resource", "_stream"),
    ("_discovery", "_record"),
    ("_query",),
    ("_target",),
    ("_policy",),
    ("_session",),
    ("_client", "_delivery", "_interrupt", "_plan"),
    ("_sessions",),
    ("_files", "_loop", "_program", "_rotation"),
    ("_arotating", "_rotating", "_tls"),
    ("_credential", "_entry", "_transport"),
    ("_cluster", "_exec", "_impersonation", "_stored"),
    ("_auth",),
    ("_user",),
    ("_kubeconfig",),
    ("_mailbox", "_reader", "_signals"),
    ("_amailbox", "_areader"),
    ("_amerge", "_awire", "_merge", "_source", "_wire"),
    ("_astreaming", "_linked", "_streaming"),
    ("_amerging", "_aprocess", "_async", "_merging", "_process", "_supervising", "_sync"),
    ("_ahandle", "_asupervisor", "_handle", "_supervisor"),
    ("_awatcher", "_watcher"),
)
"""From the ground up: a module may import from the layers below its own, and from no other."""

CORE = (
    "_chunks",
    "_errors",
    "_http",
    "_events",
    "_results",
    "_reasons",
    "_child_spec",
    "_behaviour",
    "_steps",
    "_life",
    "_supervision",
    "_abilities",
    "_backoff",
    "_builder",
    "_cursor",
    "_journal",
    "_known",
    "_liveness",
    "_nesting",
    "_selectors",
    "_shard",
    "_siblings",
    "_decoder",
    "_header",
    "_json",
    "_line_decoder",
    "_list",
    "_redaction",
    "_snapshot",
    "_resource",
    "_stream",
    "_discovery",
    "_query",
    "_record",
    "_target",
    "_policy",
    "_session",
)
OUTSIDE_WORLD = {"httpx", "time", "asyncio", "anyio", "threading", "socket", "random", "os"}


def imports(module: str) -> set[str]:
    """Name what a module imports: ``httpx``, or ``kwatch._events``."""
    names: set[str] = set()
    for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            names.add(node.module or "")
    return names


def test_every_module_has_its_layer() -> None:
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {
        "__init__",
        "__main__",
        "_pytest_plugin",
    }
    assert modules == {module for layer in LAYERS for module in layer}


@pytest.mark.parametrize("level", range(len(LAYERS)))
def test_imports_go_one_way(level: int) -> None:
    below = {f"kwatch.{module}" for layer in LAYERS[:level] for module in layer}
    for module in LAYERS[level]:
        own = {name for name in imports(module) if name.split(".")[0] == "kwatch"}
        assert own <= below, f"{module} imports {sorted(own - below)}"


@pytest.mark.parametrize("module", CORE)
def test_the_core_knows_no_outside_world(module: str) -> None:
    assert {name.split(".")[0] for name in imports(module)}.isdisjoint(OUTSIDE_WORLD)


def test_the_fake_server_knows_nothing_of_what_it_tests() -> None:
    for path in (PACKAGE / "testing").glob("*.py"):
        for name in imports(f"testing/{path.stem}"):
            assert name == "kwatch.testing" or not re.match(r"kwatch(?!\.testing\.)", name)


def test_all_is_what_is_exported() -> None:
    public = {
        name
        for name, value in vars(kwatch).items()
        if not name.startswith("_") and not isinstance(value, type(kwatch))
    }
    exported = list(kwatch.__all__)
    constants_first = sorted(exported, key=lambda name: (not name.isupper(), name))
    assert exported == constants_first
    assert set(exported) == {*(public - {"TYPE_CHECKING"}), "__version__"}


@pytest.mark.parametrize(
    "name", sorted(name for name in kwatch.__all__ if callable(getattr(kwatch, name)))
)
def test_every_public_name_is_documented(name: str) -> None:
    assert getattr(kwatch, name).__doc__


class Unasync(ast.NodeTransformer):
    """Makes of an async front end what the sync one should be."""

    NAMES: ClassVar = {
        "AsyncBaseTransport": "BaseTransport",
        "AsyncByteStream": "SyncByteStream",
        "AsyncClient": "Client",
        "AsyncHandle": "Handle",
        "AsyncIterable": "Iterable",
        "AsyncProcess": "Process",
        "AsyncSupervisor": "Supervisor",
        "AsyncWatcher": "Watcher",
        "__aenter__": "__enter__",
        "__aiter__": "__iter__",
        "AsyncGenerator": "Generator",
        "AsyncIterator": "Iterator",
        "aclose": "close",
        "aclosing": "closing",
        "aconnect": "connect",
        "aiter": "iter",
        "aiter_bytes": "iter_bytes",
        "anext": "next",
        "aread": "read",
        "awatch": "watch",
        "handle_async_request": "handle_request",
    }

    def rename(self, name: str) -> str:
        return self.NAMES.get(name, name)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant(self.rename(node.value)) if isinstance(node.value, str) else node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self.rename(node.id), node.ctx)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        return ast.Attribute(node.value, self.rename(node.attr), node.ctx)

    def visit_Await(self, node: ast.Await) -> ast.AST:
        return self.visit(node.value)  # type: ignore[no-any-return]

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        self.generic_visit(node)
        return ast.For(node.target, node.iter, node.body, node.orelse)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        self.generic_visit(node)
        return ast.With(node.items, node.body)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        self.generic_visit(node)
        return ast.FunctionDef(
            self.rename(node.name), node.args, node.body, node.decorator_list, node.returns
        )


def functions(module: str, *, unasync: bool) -> dict[str, str]:
    """Give the source of each function and method, without its docstring."""
    tree = ast.parse((PACKAGE / f"{module}.py").read_text())
    if unasync:
        tree = Unasync().visit(tree)
    nodes = list(ast.fix_missing_locations(tree).body)
    for node in tree.body:
        nodes += node.body if isinstance(node, ast.ClassDef) else []
    found = {}
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:]
            node.name = Unasync().rename(node.name) if unasync else node.name
            found[node.name] = ast.unparse(node)
    return found


@pytest.mark.parametrize("name", ["watch", "connect", "answer"])
def test_the_front_ends_differ_in_await_alone(name: str) -> None:
    there = functions("_async", unasync=True)[name]
    here = functions("_sync", unasync=False)[name]
    there = there.replace("Generator[Event, None]", "Generator[Event, None, None]")
    # the stop event stands for cancelling a task
    here = here.replace(", stop_event: StopEvent | None=None", "")
    here = here.replace("    check_types(stop_event=(stop_event, StopEvent))\n", "")
    here = here.replace("Wire(client, stop_event)", "Wire(client)")
    assert there == here


TWINS = {
    "drive": ("drive", "fold"),
    "process": ("stop", "join", "_wait"),
    "streaming": ("stream", "session_deliveries", "merged_stream"),
    "rotating": ("handle_request", "close", "end", "_close_spent", "__iter__"),
    "handle": ("state", "send", "result", "_steps"),
    "watcher": ("fold",),
    "wire": ("_reading",),
    "supervisor": (
        "__enter__",
        "start_child",
        "terminate_child",
        "restart_child",
        "delete_child",
        "which_children",
        "count_children",
    ),
}

SHARED = {
    (kwatch.Handle, kwatch.AsyncHandle): ("__repr__", "exit", "is_alive"),
    (kwatch.Supervisor, kwatch.AsyncSupervisor): ("_begin", "child_spec", "_steps", "_refuse"),
}


@pytest.mark.parametrize(
    ("noun", "name"), [(noun, name) for noun, names in TWINS.items() for name in names]
)
def test_what_runs_in_a_task_differs_from_what_runs_in_a_thread_in_await_alone(
    noun: str, name: str
) -> None:
    there = functions(f"_a{noun}", unasync=True)[name]
    here = functions(f"_{noun}", unasync=False)[name]
    there = there.replace("call(step)", "step.function(*step.args)")
    there = there.replace("Iterable[Any] | Iterable[Any]", "Iterable[Any]")
    there = re.sub(r"Generator\[(\w+), None\]", r"Generator[\1, None, None]", there)
    assert there == here


@pytest.mark.parametrize(
    ("one", "other", "name"),
    [(*pair, name) for pair, names in SHARED.items() for name in names],
)
def test_what_needs_no_await_is_one_for_threads_and_tasks(
    one: type, other: type, name: str
) -> None:
    assert getattr(one, name) is getattr(other, name)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_no_function_outgrows_forty_lines(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1:2] if ast.get_docstring(node) is not None else node.body[:1]
            length = (node.end_lineno or 0) - first[0].lineno + 1 if first else 0
            assert length <= 40, f"{path.name}: {node.name} has {length} lines"
