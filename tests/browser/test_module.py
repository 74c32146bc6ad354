"""The file itself: its size as the documents state it, its types, and that one file is all there is."""

import gzip
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.live.servers import ROOT

MODULE = ROOT / "sse_django/static/sse_django/sse.js"
PAGE = ROOT / "docs/howto/browser.md"


def test_its_size_is_what_the_documents_say() -> None:
    said = re.search(r"(\d+) kB, (\d+) kB gzipped", PAGE.read_text())
    assert said, "docs/howto/browser.md says how large sse.js is"
    raw = MODULE.read_bytes()
    assert [round(len(raw) / 1000), round(len(gzip.compress(raw, 9)) / 1000)] == [int(size) for size in said.groups()]


def test_it_imports_nothing_and_evaluates_nothing() -> None:
    """Hashed static files would break relative imports, and a strict policy anything that is made up at run time."""
    source = MODULE.read_text()
    assert re.findall(r"^\s*import\b|\bimport\(|\beval\(|\bnew Function\b|innerHTML|\.style\b", source, re.MULTILINE) == []


def test_typescript_takes_what_fits_and_refuses_what_does_not(tmp_path: Path) -> None:
    tsc = os.environ.get("TSC") or shutil.which("tsc")
    if tsc is None:
        pytest.skip("no TypeScript compiler here: npm install -g typescript, or name one in TSC")
    usage = Path(__file__).parent / "types" / "usage.ts"
    options = "--noEmit --strict --target es2022 --module esnext --moduleResolution bundler --lib es2023,dom,dom.iterable"
    done = subprocess.run([tsc, *options.split(), str(usage)], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
