"""The kinds of objects that the server has, and the bytes that it sends of them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from benchmarks.documents import custom_resources, large_pods, leases

FIRST_VERSION = 1_000_000
"""The resource version of the object, or event, with number 0; those that follow count on."""

_NUMBER = "123456789012"
_VERSION = "RESOURCE-VERSION"


@dataclass(frozen=True)
class Kind:
    """A kind: where the server has it, and what its objects look like."""

    label: str
    kind: str
    api_version: str
    plural: str
    samples: Callable[[], list[bytes]]

    @property
    def group(self) -> str:
        """The group; "" for the core."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """The version, without the group."""
        return self.api_version.rpartition("/")[2]

    @property
    def root(self) -> str:
        """The path of the group version."""
        return f"/{'apis' if self.group else 'api'}/{self.api_version}"

    @property
    def path(self) -> str:
        """The path of all objects."""
        return f"{self.root}/{self.plural}"

    def event(self, number: int, *, frame_type: str = "MODIFIED", version: int = 0) -> bytes:
        """Give an event, a line, of the object with that number; by default, in its version."""
        obj = self.item(number, version=version, listed=False)
        return b'{"type":"%b","object":%b}\n' % (frame_type.encode(), obj)

    def item(self, number: int, *, version: int = 0, listed: bool = True) -> bytes:
        """Give an object, as a list has it, or an event."""
        samples = _samples(self, listed and not self.group)
        text = samples[number % len(samples)].replace(_NUMBER, f"{number:012}")
        return text.replace(_VERSION, str(version or FIRST_VERSION + number)).encode()

    def items(self, first: int, count: int, *, listed: bool) -> Iterator[bytes]:
        """Give so many objects."""
        return (self.item(number, listed=listed) for number in range(first, first + count))


PODS = Kind("pods of 6 kB", "Pod", "v1", "pods", large_pods)
LEASES = Kind("objects of 0.3 kB", "Lease", "coordination.k8s.io/v1", "leases", leases)
WORKFLOWS = Kind(
    "custom resources of 110 kB", "Workflow", "argoproj.io/v1alpha1", "workflows", custom_resources
)
KINDS = {kind.plural: kind for kind in (PODS, LEASES, WORKFLOWS)}


@lru_cache
def _samples(kind: Kind, without_kind: bool) -> list[str]:
    """Give the objects as text, with marks for what is different in each."""
    texts = []
    for sample in kind.samples():
        obj: dict[str, Any] = json.loads(sample)["object"]
        fields = {} if without_kind else {"kind": kind.kind, "apiVersion": kind.api_version}
        name = f"{kind.kind.lower()}-{_NUMBER}"
        obj["metadata"] |= {"name": name, "uid": f"00000000-0000-4000-8000-{_NUMBER}"}
        obj["metadata"]["resourceVersion"] = _VERSION
        rest = {key: value for key, value in obj.items() if key not in ("kind", "apiVersion")}
        texts.append(json.dumps(fields | rest, separators=(",", ":"), ensure_ascii=False))
    return texts
