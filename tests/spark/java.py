"""Whether Spark can run here."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

needs_java = pytest.mark.skipif(
    not (os.environ.get("JAVA_HOME") or shutil.which("java")),
    reason="Spark needs Java: there is no java, and no $JAVA_HOME",
)
