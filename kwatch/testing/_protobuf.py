"""Objects in protobuf, in which ``kubectl create KIND`` sends them.

What it can make of the kinds that are served is read; a client that sends other fields is told to
send JSON.

Source: the ``generated.proto`` files of k8s.io/api, and "Kubernetes Protobuf encoding" in
https://kubernetes.io/docs/reference/using-api/api-concepts/.
"""

import base64
from collections.abc import Iterator
from typing import Any

from kwatch.testing._object import Object
from kwatch.testing._status import bad_request

PROTOBUF = "application/vnd.kubernetes.protobuf"

_MAGIC = b"k8s\x00"
_POD = {1: "metadata ObjectMeta", 2: "spec PodSpec"}
_JOB = {
    1: "parallelism int?",
    2: "completions int?",
    3: "activeDeadlineSeconds int?",
    4: "selector LabelSelector",
    6: "template PodTemplateSpec",
    7: "backoffLimit int?",
    8: "ttlSecondsAfterFinished int?",
}
_MESSAGES: dict[str, dict[int, str]] = {
    "Unknown": {1: "type TypeMeta", 2: "raw bytes"},
    "TypeMeta": {1: "apiVersion text", 2: "kind text"},
    "ObjectMeta": {
        1: "name text",
        2: "generateName text",
        3: "namespace text",
        11: "labels map",
        12: "annotations map",
        14: "finalizers []text",
    },
    "LabelSelector": {1: "matchLabels map"},
    "ConfigMap": {1: "metadata ObjectMeta", 2: "data map", 3: "binaryData bytes map"},
    "Secret": {1: "metadata ObjectMeta", 2: "data bytes map", 3: "type text"},
    "Namespace": {1: "metadata ObjectMeta"},
    "Pod": _POD,
    "PodTemplateSpec": _POD,
    "PodSpec": {2: "containers []Container", 3: "restartPolicy text"},
    "Container": {
        1: "name text",
        2: "image text",
        3: "command []text",
        4: "args []text",
        6: "ports []ContainerPort",
        7: "env []EnvVar",
    },
    "ContainerPort": {
        1: "name text",
        2: "hostPort int",
        3: "containerPort int",
        4: "protocol text",
    },
    "EnvVar": {1: "name text", 2: "value text"},
    "Deployment": {1: "metadata ObjectMeta", 2: "spec DeploymentSpec"},
    "DeploymentSpec": {
        1: "replicas int?",
        2: "selector LabelSelector",
        3: "template PodTemplateSpec",
    },
    "Job": {1: "metadata ObjectMeta", 2: "spec JobSpec"},
    "JobSpec": _JOB,
    "JobTemplateSpec": {1: "metadata ObjectMeta", 2: "spec JobSpec"},
    "CronJob": {1: "metadata ObjectMeta", 2: "spec CronJobSpec"},
    "CronJobSpec": {
        1: "schedule text",
        3: "concurrencyPolicy text",
        5: "jobTemplate JobTemplateSpec",
    },
    "Service": {1: "metadata ObjectMeta", 2: "spec ServiceSpec"},
    "ServiceSpec": {
        1: "ports []ServicePort",
        2: "selector map",
        3: "clusterIP text",
        4: "type text",
        10: "externalName text",
    },
    "ServicePort": {
        1: "name text",
        2: "protocol text",
        3: "port int",
        4: "targetPort IntOrString",
        5: "nodePort int",
    },
    "IntOrString": {1: "type int", 2: "number int", 3: "text text"},
    "Ingress": {1: "metadata ObjectMeta", 2: "spec IngressSpec"},
    "IngressSpec": {
        1: "defaultBackend IngressBackend",
        2: "tls []IngressTLS",
        3: "rules []IngressRule",
        4: "ingressClassName text",
    },
    "IngressTLS": {1: "hosts []text", 2: "secretName text"},
    "IngressRule": {1: "host text", 2: "http IngressRuleValue"},
    "IngressRuleValue": {1: "http HTTPIngressRuleValue"},
    "HTTPIngressRuleValue": {1: "paths []HTTPIngressPath"},
    "HTTPIngressPath": {1: "path text", 2: "backend IngressBackend", 3: "pathType text"},
    "IngressBackend": {4: "service IngressServiceBackend"},
    "IngressServiceBackend": {1: "name text", 2: "port ServiceBackendPort"},
    "ServiceBackendPort": {1: "name text", 2: "number int"},
}
"""The fields of each message by number: the name in JSON, and the type; ``int?`` may be 0."""


def read_protobuf(body: bytes) -> Object:
    """The object in a body.

    Raises:
        APIError: 400, it is none, or has something that is not known here.
    """
    if not body.startswith(_MAGIC):
        raise bad_request("provided data does not appear to be a protobuf message")
    try:
        unknown = _message("Unknown", body[len(_MAGIC) :])
        kind = unknown["type"]["kind"]
        if kind not in _MESSAGES:
            raise bad_request(f"this server cannot read a {kind} in protobuf: send JSON")
        return {**unknown["type"], **_message(kind, base64.b64decode(unknown["raw"]))}
    except (IndexError, KeyError, RecursionError, UnicodeDecodeError) as error:
        raise bad_request("provided data is not a protobuf message") from error


def _message(name: str, data: bytes) -> Any:
    """A message as JSON, without what is empty."""
    found: dict[str, Any] = {}
    for number, value in _fields(data):
        if number not in _MESSAGES[name]:
            if not _is_empty(value):
                raise bad_request(f"this server cannot read field {number} of a {name}: send JSON")
            continue
        key, _, kind = _MESSAGES[name][number].partition(" ")
        read = _value(kind.removeprefix("[]"), value)
        if kind.startswith("[]"):
            found.setdefault(key, []).append(read)
        elif kind.endswith("map"):
            found[key] = {**found.get(key, {}), **read}
        elif read or kind == "int?":
            found[key] = read
    if name == "IntOrString":
        return found.get("text", "") if found.get("type") else found.get("number", 0)
    return found.get("http", found) if name == "IngressRuleValue" else found


def _is_empty(value: int | bytes) -> bool:
    """Whether there is nothing in a field that is not known, however deep."""
    if isinstance(value, int):
        return value == 0
    try:
        return all(_is_empty(inner) for _, inner in _fields(value))
    except IndexError:
        return False


def _value(kind: str, value: Any) -> Any:
    match kind:
        case "int" | "int?":
            return value
        case "text":
            return value.decode()
        case "bytes":
            return base64.b64encode(value).decode()
        case "map" | "bytes map":
            entry = {1: b"", 2: b"", **dict(_fields(value))}
            of = "text" if kind == "map" else "bytes"
            return {_value("text", entry[1]): _value(of, entry[2])}
    return _message(kind, value)


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The numbers and the values of the fields: numbers, or bytes."""
    at = 0
    while at < len(data):
        tag, at = _number(data, at)
        number, at = _number(data, at)
        if tag & 7 == 0:
            yield tag >> 3, number
        elif tag & 7 == 2 and at + number <= len(data):
            yield tag >> 3, data[at : at + number]
            at += number
        else:
            raise IndexError


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length number, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
