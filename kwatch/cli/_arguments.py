"""The arguments of the command."""

import argparse
from collections.abc import Sequence

from kwatch import __version__

_DESCRIPTION = """\
Print the Kubernetes objects of a kind, and then each change as it happens.
"""

_EPILOG = """\
With -o json, each line is {"type": "created", "object": {...}}; the type is created, modified or
deleted. A number that is too large for a float is printed as 1e999.

exit status:
  1    an error, told in one line on stderr
  2    wrong usage
  130  ended by Ctrl-C
  141  nobody reads the output any more
  143  ended by SIGTERM
"""


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the arguments.

    Args:
        argv: They; None: those of the process.

    Returns:
        A namespace with ``resource``, ``namespace``, ``all_namespaces``, ``selector``,
        ``field_selector``, ``watch_only``, ``resource_version``, ``kubeconfig``, ``context``,
        ``output``, ``verbose`` and ``demo``.

    Raises:
        SystemExit: They are wrong (2), or ask for help or the version (0).
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.demo:
        if arguments.kubeconfig is not None or arguments.context is not None:
            parser.error("--demo brings its own server: it excludes --kubeconfig and --context")
        arguments.resource = arguments.resource or "pods"
        arguments.all_namespaces = arguments.namespace is None
    elif arguments.resource is None:
        parser.error("RESOURCE is missing: a kind such as Pod, pods, po or deployments.apps")
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kwatch",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "resource",
        metavar="RESOURCE",
        nargs="?",
        help="a kind, plural, short name, or name with a group: Pod, pods, po, deployments.apps",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "-n", "--namespace", metavar="NS", help="default: the namespace of the kubeconfig's context"
    )
    where.add_argument("-A", "--all-namespaces", action="store_true", help="watch all namespaces")
    add("-l", "--selector", metavar="SELECTOR", help="a label selector: app=web,tier in (a, b)")
    add("--field-selector", metavar="SELECTOR", help="a field selector: status.phase=Running")
    start = parser.add_mutually_exclusive_group()
    start.add_argument(
        "--watch-only", action="store_true", help="begin now, without the objects that exist"
    )
    start.add_argument(
        "--resource-version", metavar="RV", help="begin right after this resource version"
    )
    add("--kubeconfig", metavar="FILE", help="default: $KUBECONFIG, ~/.kube/config, in-cluster")
    add("--context", help="a context of the kubeconfig; default: its current-context")
    add("-o", "--output", choices=("line", "json"), default="line", help="default: line")
    add("-v", "--verbose", action="store_true", help="tell on stderr of reconnects too")
    add("--demo", action="store_true", help="watch a fake cluster in this process, by default pods")
    add("--version", action="version", version=f"kwatch {__version__}")
    return parser
