"""The options, and what is refused."""

import pytest
from pyspark.sql.datasource import CaseInsensitiveDict
from pyspark.sql.types import StructType

from kwatch.spark import KubernetesDataSource
from kwatch.spark._options import Options
from kwatch.spark._rows import SCHEMA


def test_what_is_not_given() -> None:
    assert Options.of({"kind": "Pod"}) == Options(kind="Pod")


def test_all_of_them() -> None:
    given = {
        "kind": "deployments",
        "api_version": "apps/v1",
        "namespaces": "shop, back-office",
        "label_selector": "app in (web, db),!canary",
        "field_selector": "spec.nodeName=node-1",
        "contexts": "east,west",
        "kubeconfig": "/etc/kube/config",
        "shards": "4",
        "metadata_only": "TRUE",
        "send_initial_events": "true",
        "on_gap": "Fail",
    }
    assert Options.of(
        CaseInsensitiveDict({name.upper(): text for name, text in given.items()})
    ) == (
        Options(
            kind="deployments",
            api_version="apps/v1",
            namespaces=("shop", "back-office"),
            label_selector="app in (web, db),!canary",
            field_selector="spec.nodeName=node-1",
            contexts=("east", "west"),
            kubeconfig="/etc/kube/config",
            shards=4,
            metadata_only=True,
            send_initial_events=True,
            fails_on_gap=True,
        )
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "expected the option 'kind'"),
        ({"kinds": "Pod"}, "option 'kinds' is not known: expected one of kind, api_version"),
        ({"kind": "Pod", "path": "/x"}, "option 'path' is not known"),
        ({"kind": " "}, "option 'kind': expected a value, or no such option, got ' '"),
        ({"kind": "Pod", "shards": "0"}, "'shards': expected a whole number from 1 to 1000"),
        ({"kind": "Pod", "shards": "1001"}, "'shards': expected .*, got '1001'"),
        ({"kind": "Pod", "shards": "two"}, "'shards': expected .*, got 'two'"),
        ({"kind": "Pod", "shards": "²"}, "'shards': expected"),
        ({"kind": "Pod", "namespaces": "a,,b"}, "'namespaces': expected names with commas"),
        ({"kind": "Pod", "namespaces": ""}, "'namespaces': expected names with commas"),
        ({"kind": "Pod", "namespaces": "A_b"}, "cannot be used: .*A_b"),
        ({"kind": "Pod", "contexts": "a, a"}, "'contexts': expected each name once, got 'a, a'"),
        ({"kind": "Pod", "metadata_only": "yes"}, "'metadata_only': expected 'true' or 'false'"),
        ({"kind": "Pod", "on_gap": "skip"}, "'on_gap': expected 'snapshot' or 'fail', got 'skip'"),
        ({"kind": "a b"}, "cannot be used: .*a b"),
        ({"kind": "Pod", "resource_path": "/api/v1/pods"}, "cannot be used: expected either kind"),
        ({"resource_path": "/api/v1/pods", "namespaces": "a"}, r"cannot be used: .*\{namespace\}"),
    ],
)
def test_what_cannot_be(given: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        KubernetesDataSource(given).schema()


def test_readers_refuse_bad_options_and_other_schemas() -> None:
    source = KubernetesDataSource({"kind": "Pod", "shards": "0"})
    for make in source.reader, source.streamReader:
        with pytest.raises(ValueError, match="shards"):
            make(SCHEMA)
    source = KubernetesDataSource({"kind": "Pod"})
    for make in source.reader, source.streamReader:
        with pytest.raises(ValueError, match=r"expected no schema, or struct<cluster:string"):
            make(StructType().add("name", "string"))


def test_the_source_has_a_name() -> None:
    assert KubernetesDataSource.name() == "kubernetes"
