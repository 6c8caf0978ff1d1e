"""`kwatch._credential`: the headers that show a token, or a name and a password."""

import pytest

from kwatch._credential import Credential, basic, bearer
from kwatch._errors import ConfigError
from kwatch._tls import Tls


@pytest.mark.parametrize("token", ["", " ", "a\n", "a\tb", "é", "\ud800"])
def test_what_is_no_token_is_refused_and_not_quoted(token: str) -> None:
    with pytest.raises(ConfigError, match=r"^kc: token: (is empty|a token is printable ASCII)"):
        bearer(token, "kc: token")


def test_spaces_around_a_token_are_ignored() -> None:
    """A header that ends with one is refused by httpx, which quotes it in the error."""
    assert bearer(" a b ", "kc: token") == "Bearer a b"


def test_a_name_ends_with_a_colon_and_so_holds_none() -> None:
    with pytest.raises(ConfigError, match=r"^kc: username: holds a colon"):
        basic("a:b", "c", "kc: username")
    assert basic("a", "b:c", "kc: username") == "Basic YTpiOmM="


def test_two_are_equal_if_they_show_the_same() -> None:
    one, other = Tls(insecure=True), Tls(insecure=True)
    shown = Credential(one.context(), one.context, "Bearer a", 1.0)
    assert shown == Credential(one.context(), other.context, "Bearer a", 2.0)
    assert shown != Credential(one.context(), one.context, "Bearer b", 1.0)
    assert shown != Credential(other.context(), one.context, "Bearer a", 1.0)
