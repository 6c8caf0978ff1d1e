"""A Kubernetes API server in the process, for tests and demonstrations.

It speaks real HTTP on a loopback port and behaves as the real one does where lists and watches are
concerned, down to the resource versions, the bookmarks and the three ways in which a watch ends.
It needs the extra ``kwatch-stream[testing]``, and nothing else of kwatch.

::

    with FakeAPIServer() as server:
        server.create("Pod", "web-1", labels={"app": "web"})
        client = httpx.Client(base_url=server.url)
"""

from kwatch.testing import faults
from kwatch.testing._call import RecordedRequest
from kwatch.testing._columns import Column
from kwatch.testing._life import Life, Step, steps
from kwatch.testing._resources import DEFAULT_RESOURCES, Resource
from kwatch.testing._server import FakeAPIServer
from kwatch.testing._status import APIError
from kwatch.testing._store import Snapshot

__all__ = [
    "DEFAULT_RESOURCES",
    "APIError",
    "Column",
    "FakeAPIServer",
    "Life",
    "RecordedRequest",
    "Resource",
    "Snapshot",
    "Step",
    "faults",
    "steps",
]
