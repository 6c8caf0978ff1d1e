"""The fake server, with what the tests expect of a real one."""

from kwatch.testing import DEFAULT_RESOURCES, FakeAPIServer, Resource

from .live import WIDGETS_CRD

TOKEN = "fake-token"
CRD = Resource(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    "crd",
    namespaced=False,
)


def fake_server() -> FakeAPIServer:
    """Make one that has lived: it knows no more what was at the resource version 1."""
    resources = (*DEFAULT_RESOURCES, CRD)
    server = FakeAPIServer(resources=resources, token=TOKEN, sharding=True)
    server.create("CustomResourceDefinition", WIDGETS_CRD)
    server.compact()
    return server
