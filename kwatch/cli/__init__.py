"""The command ``kwatch``, or ``python -m kwatch``: prints Kubernetes objects as they change.

::

    kwatch pods -A                                 # one line per change
    kwatch deployments.apps -o json                # one JSON object per change, for a pipeline
    kwatch pod/web-1 --until condition=Ready --timeout 5m
    kwatch record pods -A -f pods.kwatch           # and: kwatch replay pods.kwatch
    kwatch demo                                    # needs no cluster

Exit status:

===  ====================================================================================
0    the end was reached: --until, or --timeout without it, or that of a recording
1    an error, or --timeout was over before --until was met or the server has answered
2    wrong usage
130  ended by Ctrl-C
141  nobody reads the output any more
143  ended by SIGTERM
===  ====================================================================================
"""

import sys
from collections.abc import Sequence

__all__ = ["main"]

NEEDED = {"click", "jmespath", "rich"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: The arguments; None: those of the process. See ``kwatch --help``.

    Returns:
        The exit status, see above. An error is one line on stderr.

    >>> main(["pods", "--kubeconfig", "/nowhere"])  # on stderr: kwatch: kubeconfig: '/nowhere': ...
    1
    """
    try:
        from kwatch.cli._command import run

        return run(sys.argv[1:] if argv is None else argv)
    except ModuleNotFoundError as error:
        if error.name not in NEEDED:
            raise
        print("kwatch: the command needs more: pip install 'kwatch-stream[cli]'", file=sys.stderr)
        return 1
