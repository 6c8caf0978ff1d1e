"""Exec plugins: programs that print what a test says, and keep a record of their runs."""

import json
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.frames import Json
from tests.kubeconfigs import Config

V1 = "client.authentication.k8s.io/v1"
V1BETA1 = "client.authentication.k8s.io/v1beta1"

_PROGRAM = """
import json, os, sys, time
path = sys.argv.pop(1)
def record(name, **seen):
    line = json.dumps(dict(seen, record=name)) + "\\n"
    runs = os.open(path + ".runs", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(runs, line.encode())
    os.close(runs)
environment = dict(os.environ)
record("begin", terminal=os.isatty(0), arguments=sys.argv[1:], environment=environment)
end = time.monotonic() + 10
while os.path.exists(path + ".held"):
    time.sleep(0.002)
    if time.monotonic() > end:
        sys.exit("it was held for too long")
with open(path + ".says") as file:
    says = json.load(file)
sys.stderr.write(says["error"])
sys.stdout.buffer.write(says["output"].encode("latin-1"))
record("end")
sys.exit(says["code"])
"""


def credential(token: Any = None, *, version: str = V1, **status: Any) -> Json:
    """What a plugin prints: a token, and further fields of the status."""
    fields = status if token is None else {"token": token, **status}
    return {"kind": "ExecCredential", "apiVersion": version, "status": fields}


class Plugin:
    """A plugin that can be run; at first it prints the token ``one``.

    Attributes:
        path: The program.
    """

    def __init__(self, folder: Path, name: str = "plugin") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / name
        program = self._beside(".py")
        program.write_text(_PROGRAM)
        # Python by way of sh: the first line of a script holds no long path, and no spaces.
        words = shlex.join([sys.executable, "-IS", str(program), str(self.path)])
        self.path.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        self.path.chmod(0o755)
        self.prints(credential("one"))

    def prints(self, output: Json | str | bytes, *, code: int = 0, error: str = "") -> None:
        """Say what it does from now on.

        Args:
            output: What it prints.
            code: What it exits with.
            error: What it writes to standard error.
        """
        text = output if isinstance(output, (str, bytes)) else json.dumps(output)
        content = text if isinstance(text, bytes) else text.encode()
        says = {"output": content.decode("latin-1"), "code": code, "error": error}
        self._beside(".new").write_text(json.dumps(says))
        os.replace(self._beside(".new"), self._beside(".says"))

    def entry(self, **fields: Any) -> Config:
        """The ``exec`` of a user: this plugin, never interactive, and what else ``fields`` say."""
        command = {"apiVersion": V1, "command": str(self.path), "interactiveMode": "Never"}
        return command | fields

    @property
    def runs(self) -> list[Json]:
        """What each run saw: ``arguments``, ``environment``, and whether it has a ``terminal``."""
        return [line for line in self._records() if line["record"] == "begin"]

    @property
    def info(self) -> Json:
        """The ``KUBERNETES_EXEC_INFO`` of the last run."""
        info: Json = json.loads(self.runs[-1]["environment"]["KUBERNETES_EXEC_INFO"])
        return info

    @property
    def overlapped(self) -> bool:
        """Whether a run began before another one had ended."""
        names = [line["record"] for line in self._records()]
        return names != ["begin", "end"] * (len(names) // 2)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold up every run until the context ends."""
        self._beside(".held").touch()
        try:
            yield
        finally:
            self._beside(".held").unlink()

    def _records(self) -> list[Json]:
        path = self._beside(".runs")
        if not path.exists():
            return []
        *lines, _ = path.read_text().split("\n")  # the last one is still being written
        return [json.loads(line) for line in lines]

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)
