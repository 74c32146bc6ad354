"""The TypeScript compiler: where `make` put it beside this Python, run by the Node.js of the machine or of Playwright."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import playwright
import pytest

STRICT = [
    "--noEmit",
    "--strict",
    "--exactOptionalPropertyTypes",
    "--target",
    "es2022",
    "--module",
    "esnext",
    "--lib",
    "es2022,dom",
]


def compile_types(*files: Path) -> str:
    """What the compiler has against these files; empty if nothing."""
    done = subprocess.run(
        [*_compiler(), *STRICT, "--moduleResolution", "bundler", "--pretty", "false", *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in (0, 1, 2), done.stderr
    assert bool(done.returncode) == bool(done.stdout), done.stderr
    return done.stdout


def _compiler() -> list[str]:
    script = Path(sys.prefix) / "lib/node_modules/typescript/lib/tsc.js"
    driver = Path(playwright.__file__).parent / "driver"
    node = shutil.which("node") or next((str(path) for path in driver.glob("node*") if path.is_file()), None)
    if node and script.exists():
        return [node, str(script)]
    if found := shutil.which("tsc"):
        return [found]
    message = f"no TypeScript here: npm install --global --prefix {sys.prefix} typescript@5.9.3"
    if os.environ.get("CI_REQUIRE_TSC") == "1":
        pytest.fail(message)
    pytest.skip(message)
