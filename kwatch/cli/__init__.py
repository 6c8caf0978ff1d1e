"""The command ``python -m kwatch``: prints the changes of Kubernetes objects as they happen.

::

    python -m kwatch pods -A                       # one line per change
    python -m kwatch deployments.apps -o json      # one JSON object per change, for a pipeline
    python -m kwatch --demo                        # needs no cluster
"""

from kwatch.cli._command import main

__all__ = ["main"]
