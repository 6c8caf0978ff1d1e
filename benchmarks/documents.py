"""What a server sends: pods, small objects and custom resources, as bytes."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

FIXTURE = Path(__file__).parent.parent / "tests" / "fixtures" / "pods-watch-1.36.http"


def line(document: Any) -> bytes:
    """Write a document as the server does."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def recorded_pods() -> list[bytes]:
    """Give the pod events of a recorded watch, as they came."""
    return [text for text in FIXTURE.read_bytes().splitlines(True) if text.startswith(b'{"type"')][
        :5
    ]


def large_pods() -> list[bytes]:
    """Give them as larger clusters have them: more owners of fields, containers and conditions."""
    return [line(enlarged(json.loads(text))) for text in recorded_pods()]


def enlarged(event: dict[str, Any]) -> dict[str, Any]:
    """Add what the recorded pods of a throw-away server lack, up to 6 kB."""
    pod = event["object"]
    metadata, spec = pod["metadata"], pod["spec"]
    metadata["annotations"] |= {
        f"example.com/setting-{n}": json.dumps({"path": f"/etc/{n}", "mode": 420}) for n in range(5)
    }
    metadata["managedFields"] = [
        {**owner, "manager": f"controller-{n}"}
        for n in range(3)
        for owner in deepcopy(metadata["managedFields"])
    ]
    spec["containers"] = [
        {
            **deepcopy(spec["containers"][0]),
            "name": f"container-{n}",
            "env": [{"name": f"SETTING_{k}", "value": f"value-{k}"} for k in range(6)],
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
            "volumeMounts": [{"name": "token", "readOnly": True, "mountPath": "/var/run/token"}],
        }
        for n in range(2)
    ]
    pod["status"]["conditions"] = [
        {"type": name, "status": "True", "lastTransitionTime": "2026-11-24T00:36:44Z"}
        for name in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    ]
    pod["status"]["podIPs"] = [{"ip": "10.1.2.3"}, {"ip": "fd00::1:2:3"}]
    while len(line(event)) < 6_000:
        metadata["annotations"][f"example.com/checksum-{len(metadata['annotations'])}"] = (
            "9c5a" * 16
        )
    return event


def leases() -> list[bytes]:
    """Give small objects, which change often."""
    return [
        line(
            {
                "type": "MODIFIED",
                "object": {
                    "kind": "Lease",
                    "apiVersion": "coordination.k8s.io/v1",
                    "metadata": {
                        "name": f"node-{n}",
                        "namespace": "kube-node-lease",
                        "resourceVersion": str(1_000 + n),
                    },
                    "spec": {
                        "holderIdentity": f"node-{n}",
                        "leaseDurationSeconds": 40,
                        "renewTime": "2026-11-24T00:36:44.000000Z",
                    },
                },
            }
        )
        for n in range(50)
    ]


def custom_resources() -> list[bytes]:
    """Give objects with thousands of brackets, such as workflows and their nodes."""
    metadata = {"name": "flow", "namespace": "shop", "resourceVersion": "7"}
    nodes = {
        f"flow-{n}": {
            "id": f"flow-{n}",
            "phase": "Succeeded",
            "progress": n / 7,
            "children": [f"flow-{n + 1}", f"flow-{n + 2}"],
            "inputs": {"parameters": [{"name": "path", "value": f"/data/{n}"}, {"name": "x"}]},
        }
        for n in range(600)
    }
    flow = {"kind": "Workflow", "metadata": metadata, "status": {"nodes": nodes}}
    return [line({"type": "MODIFIED", "object": flow})]
