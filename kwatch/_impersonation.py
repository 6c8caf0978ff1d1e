"""Impersonation: as whom a user acts, and the headers that say so."""

from urllib.parse import quote

from kwatch._entry import Entry

Headers = list[tuple[bytes, bytes]]

_TOKEN_CHARACTERS = "!#$&'*+-.^_`|~"  # noqa: S105 - what, besides letters and digits, a header's name may hold


def impersonation(user: Entry) -> Headers:
    """Give the headers for the ``as``, ``as-uid``, ``as-groups`` and ``as-user-extra`` of a user.

    Raises:
        ConfigError: There is any of the others without ``as``, or one that no header can hold.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
    """
    headers: Headers = []

    def add(name: str, value: str, field: str) -> None:
        if value != value.strip() or not value.isprintable():
            raise user.error(field, "expected printable text without white space around it")
        headers.append((name.encode(), value.encode()))

    if name := user.get("as", str):
        add("Impersonate-User", name, "as")
    if uid := user.get("as-uid", str):
        add("Impersonate-Uid", uid, "as-uid")
    for group in user.texts("as-groups"):
        add("Impersonate-Group", group, "as-groups")
    extra = user.inner("as-user-extra")
    for key in extra.fields:
        if not isinstance(key, str):
            raise user.error("as-user-extra", f"expected str as a key, got {type(key).__name__}")
        try:
            header = "Impersonate-Extra-" + quote(key.lower(), safe=_TOKEN_CHARACTERS)
        except UnicodeError:
            raise user.error("as-user-extra", "holds a key that is no Unicode") from None
        for value in extra.texts(key):
            add(header, value, "as-user-extra")
    if headers and not name:
        raise user.error("as", "is not set, but whom else to act as is")
    return headers
