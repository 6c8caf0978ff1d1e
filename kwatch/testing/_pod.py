"""The states of a pod, as the kubelet tells of them."""

from typing import Any, Final

PENDING: Final = {"phase": "Pending"}
"""The status of a pod that has no node yet."""


class Pod:
    """One pod with one container, in the words of its ``spec`` and ``status``.

    Times are left out: the same life is the same at any time.

    Args:
        app: What it runs.

    Attributes:
        app: See above.
        version: The version of that.
        node: Where it runs.
        address: Its address.
        restarts: How many times its container has ended and begun again.
    """

    def __init__(self, app: str) -> None:
        self.app = app
        self.version = "v1"
        self.node = ""
        self.address = ""
        self.restarts = 0

    def spec(self) -> dict[str, Any]:
        """Its containers; the node is a matter of the scheduler."""
        return {"containers": [{"name": "main", "image": self._image}]}

    def starting(self) -> dict[str, Any]:
        """Its status while its image is pulled."""
        waiting = {"waiting": {"reason": "ContainerCreating"}}
        return self._status("Pending", waiting, ready="False", reason="ContainersNotReady")

    def running(self) -> dict[str, Any]:
        """Its status while all is well."""
        return {**self._status("Running", {"running": {}}), "podIP": self.address}

    def crashed(self) -> dict[str, Any]:
        """Its status after its container has failed, and before that begins again."""
        self.restarts += 1
        waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
        return self._status("Running", waiting, ready="False", reason="ContainersNotReady")

    def restarted(self) -> dict[str, Any]:
        """Its status after its container was replaced by one with another image."""
        self.restarts += 1
        return self.running()

    def succeeded(self) -> dict[str, Any]:
        """Its status after its container has done its work."""
        ended = {"terminated": {"exitCode": 0, "reason": "Completed"}}
        return self._status("Succeeded", ended, ready="False", reason="PodCompleted")

    @property
    def _image(self) -> str:
        return f"registry.example/{self.app}:{self.version}"

    def _status(
        self, phase: str, state: dict[str, Any], *, ready: str = "True", reason: str | None = None
    ) -> dict[str, Any]:
        condition = {"type": "Ready", "status": ready, **({"reason": reason} if reason else {})}
        container = {
            "name": "main",
            "image": self._image,
            "ready": ready == "True",
            "restartCount": self.restarts,
            "state": state,
        }
        scheduled = {"type": "PodScheduled", "status": "True"}
        return {
            "phase": phase,
            "conditions": [scheduled, condition],
            "containerStatuses": [container],
        }
