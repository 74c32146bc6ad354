"""A worker that forks after it has published and read goes on, and so do its children, on every engine."""

import json
import os
import subprocess
import sys

import pytest

from bench.channels.engines import SHARED, engine
from tests.live.servers import ROOT

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
]


@pytest.mark.parametrize("name", SHARED)
def test_parent_and_children_read_everything_once(name: str) -> None:
    with engine(name) as config:
        run = subprocess.run(
            [sys.executable, "-m", "tests.backends.forking"],
            cwd=ROOT,
            env={**os.environ, "BENCH_CONFIG": json.dumps(config)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=90,
            check=False,
        )
    assert run.returncode == 0, run.stdout
