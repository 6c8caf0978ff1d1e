"""`kwatch.testing._openapi`: what kubectl looks up before it creates."""

import httpx

from kwatch.testing import DEFAULT_RESOURCES


def test_each_kind_has_its_schema_and_a_patch_that_validates(client: httpx.Client) -> None:
    index = client.get("/openapi/v3").json()["paths"]
    kinds = {}
    for root, entry in index.items():
        document = client.get(entry["serverRelativeURL"]).json()
        assert document["openapi"].startswith("3.")
        for path, operations in document["paths"].items():
            assert path.startswith(f"/{root}/")
            patch = operations["patch"]
            assert [each["name"] for each in patch["parameters"]] == ["fieldValidation"]
            kinds[path] = tuple(patch["x-kubernetes-group-version-kind"].values())
        assert len(document["components"]["schemas"]) == len(document["paths"])
    assert sorted(kinds.values()) == sorted((r.group, r.version, r.kind) for r in DEFAULT_RESOURCES)
    assert kinds["/api/v1/nodes/{name}"] == ("", "v1", "Node")
    path = "/apis/example.com/v1/namespaces/{namespace}/widgets/{name}"
    assert kinds[path] == ("example.com", "v1", "Widget")


def test_schemas_are_named_as_kubernetes_names_them(client: httpx.Client) -> None:
    schemas = client.get("/openapi/v3/apis/example.com/v1").json()["components"]["schemas"]
    assert list(schemas) == ["com.example.v1.Widget"]


def test_version_2_has_no_schemas_in_either_form(client: httpx.Client) -> None:
    """A List is validated by kubectl with it, which asks for protobuf: no bytes are no schemas."""
    assert client.get("/openapi/v2").json()["definitions"] == {}
    asked = {"Accept": "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"}
    response = client.get("/openapi/v2", headers=asked)
    assert (response.status_code, response.content) == (200, b"")
    said = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    assert response.headers["Content-Type"] == said
