"""Entry: a mapping of a kubeconfig that knows, for messages, where it stands."""

import base64
import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Self, TypeVar

from kwatch._errors import ConfigError
from kwatch._files import read_file, warn_of_writers
from kwatch._tls import Pem

_UNKNOWN_TAGS = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")

_T = TypeVar("_T", str, bool, list[Any], dict[str, Any])


@dataclass(frozen=True)
class Entry:
    """A mapping of a kubeconfig, or of what a plugin prints.

    Whatever cannot be used is a `ConfigError` that names the place and the field, and not the
    value, which may be a secret.

    Attributes:
        where: The place: ``~/.kube/config: user 'admin'``.
        folder: What the names of files are relative to.
        fields: The mapping.
    """

    where: str
    folder: Path
    fields: dict[str, Any] = field(repr=False)

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """Read a kubeconfig."""
        content = read_file(path, "kubeconfig")
        warn_of_writers(path)
        return cls(str(path), path.absolute().parent, _mapping(path, content))

    def error(self, name: str, problem: str) -> ConfigError:
        """Make the error that names a field."""
        return ConfigError(f"{self.where}: {name}: {problem}")

    def get(self, name: str, kind: type[_T]) -> _T:
        """Give a field, or the empty value of its type where it is not set."""
        value = self.fields.get(name)
        if value is None:
            return kind()
        if not isinstance(value, kind):
            raise self.error(name, f"expected {kind.__name__}, got {type(value).__name__}")
        return value

    def has(self, name: str) -> bool:
        """Whether a field is set, to whatever."""
        return self.fields.get(name) is not None

    def path(self, name: str) -> Path | None:
        """Give the file that a field names."""
        text = self.get(name, str)
        return self.folder / text if text else None

    def pem(self, name: str) -> Pem | None:
        """Give what ``<name>-data`` holds, or else the file that ``<name>`` names."""
        if data := self.get(f"{name}-data", str):
            try:
                return base64.b64decode("".join(data.split()), validate=True)
            except ValueError as error:
                raise self.error(f"{name}-data", "is not base64") from error
        return self.path(name)

    def inner(self, name: str) -> "Entry":
        """Give the mapping that a field holds."""
        return Entry(f"{self.where}: {name}", self.folder, self.get(name, dict))

    def items(self, name: str) -> "list[Entry]":
        """Give the mappings that a field lists."""
        return [
            Entry(f"{self.where}: {name}[{position}]", self.folder, item)
            for position, item in enumerate(self._list(name, dict))
        ]

    def texts(self, name: str) -> list[str]:
        """Give the texts that a field lists."""
        return self._list(name, str)

    def entries(self, kind: str) -> "dict[str, Entry]":
        """Give the contexts, clusters or users of a kubeconfig by their names."""
        found: dict[str, Entry] = {}
        for listed in self.items(f"{kind}s"):
            name = listed.get("name", str)
            if name in found:
                raise listed.error("name", f"{name!r} is there twice")
            where = f"{self.where}: {kind} {name!r}"
            found[name] = Entry(where, self.folder, listed.get(kind, dict))
        return found

    def _list(self, name: str, kind: type[_T]) -> list[_T]:
        listed = self.get(name, list)
        for position, item in enumerate(listed):
            if not isinstance(item, kind):
                problem = f"expected {kind.__name__}, got {type(item).__name__}"
                raise self.error(f"{name}[{position}]", problem)
        return listed


def find(files: list[Entry], kind: str, name: str, where: str) -> Entry:
    """Give the entry of the first kubeconfig that has one of this name.

    Raises:
        ConfigError: None has. The message starts with ``where``.
    """
    found: dict[str, Entry] = {}
    for file in files:
        found = file.entries(kind) | found
    if name not in found:
        known = ", ".join(map(repr, found)) or "none"
        raise ConfigError(f"{where}: {kind} {name!r}: is not there; there is {known}")
    return found[name]


def _mapping(path: Path, content: bytes) -> dict[str, Any]:
    document = _json(content) or _yaml(path, content)
    if document is None:  # as `touch` makes it
        return {}
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: expected a YAML mapping, got {type(document).__name__}")
    return document


def _json(content: bytes) -> Any:
    """Read JSON, which is YAML, but for its tabs and its surrogates; None if it is none."""
    with suppress(ValueError, RecursionError):
        return json.loads(content)
    return None


def _yaml(path: Path, content: bytes) -> Any:
    import yaml  # a client in a cluster does without

    try:
        return next(yaml.load_all(BytesIO(content), _loader()), None)
    except Exception as error:  # PyYAML lets out much more than YAMLError
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        # The error quotes the file, and so perhaps a token: what is in quotes is left out, and
        # the error is not chained.
        problem = getattr(error, "problem", None) or type(error).__name__
        problem = re.sub(r"""['"].*['"]""", "'...'", problem, flags=re.DOTALL)
        raise ConfigError(f"{path}: is no YAML: {place}{problem}") from None


@cache
def _loader() -> Any:
    """Give a safe loader for which, as for kubectl, a date is the name that it may well be."""
    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {  # noqa: RUF012
            first: [(tag, pattern) for tag, pattern in resolvers if tag not in _UNKNOWN_TAGS]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    return Loader
