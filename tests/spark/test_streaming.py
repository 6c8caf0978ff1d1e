"""The source in a real Spark."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.spark.java import ROOT, needs_java


@needs_java
def test_each_change_is_in_the_files_once(tmp_path: Path) -> None:
    environment = os.environ | {
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
        "TZ": "Asia/Kolkata",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.spark.streaming", str(tmp_path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    result = json.loads(done.stdout)
    assert result["changes"] == 296
    assert (result["missing"], result["surplus"]) == ([], [])
    assert result["kinds"] == ["Pod"]
    assert 0 <= result["seconds"][0] <= result["seconds"][-1] < 240
    assert result["table"] == {"east created": 32, "west created": 32}
    assert "option 'shard' is not known" in result["refusal"]
