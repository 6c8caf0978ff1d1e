"""Which parameters of a list or a watch go together, in the server's words.

Source: ``ValidateListOptions`` in apimachinery's ``meta/internalversion/validation``, at 1.36.
"""

from collections.abc import Iterator, Mapping

from kwatch.testing._invalid import Cause, forbidden, unsupported

_MATCH = "resourceVersionMatch"
_EXACT = "Exact"
_NOT_OLDER_THAN = "NotOlderThan"


def problems_of_list(params: Mapping[str, str]) -> Iterator[Cause]:
    """What is wrong with the parameters of a list."""
    match, version = params.get(_MATCH, ""), params.get("resourceVersion", "")
    if match and not version:
        yield forbidden(_MATCH, f"{_MATCH} is forbidden unless resourceVersion is provided")
    if match and params.get("continue"):
        yield forbidden(_MATCH, f"{_MATCH} is forbidden when continue is provided")
    if match not in {_EXACT, _NOT_OLDER_THAN, ""}:
        yield unsupported(_MATCH, match, (_EXACT, _NOT_OLDER_THAN, ""))
    if match == _EXACT and version == "0":
        yield forbidden(_MATCH, f'{_MATCH} "exact" is forbidden for resourceVersion "0"')
    if "sendInitialEvents" in params:
        yield forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")


def problems_of_watch(params: Mapping[str, str], *, watch_list: bool) -> Iterator[Cause]:
    """What is wrong with the parameters of a watch."""
    match, sent = params.get(_MATCH, ""), "sendInitialEvents" in params
    if sent and match != _NOT_OLDER_THAN:
        why = f"sendInitialEvents requires setting {_MATCH} to {_NOT_OLDER_THAN}"
        yield forbidden(_MATCH, why)
    if sent and not watch_list:
        why = "is forbidden for watch unless the WatchList feature gate is enabled"
        yield forbidden("sendInitialEvents", f"sendInitialEvents {why}")
    if match and not sent:
        why = f"{_MATCH} is forbidden for watch unless sendInitialEvents is provided"
        yield forbidden(_MATCH, why)
    if match not in {_NOT_OLDER_THAN, ""}:
        yield unsupported(_MATCH, match, (_NOT_OLDER_THAN,))
    if match and params.get("continue"):
        yield forbidden(_MATCH, f"{_MATCH} is forbidden when continue is provided")
