"""The file itself: its size as the documents state it, its types, and that one file is all there is."""

import gzip
import re
from pathlib import Path

from tests.live.servers import ROOT
from tests.openapi.tsc import compile_types

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
    assert (
        re.findall(r"^\s*import\b|\bimport\(|\beval\(|\bnew Function\b|innerHTML|\.style\b", source, re.MULTILINE) == []
    )


def test_typescript_takes_what_fits_and_refuses_what_does_not() -> None:
    assert compile_types(Path(__file__).parent / "types" / "usage.ts") == ""


def test_every_option_and_attribute_is_documented() -> None:
    reference = (ROOT / "docs/reference.md").read_text().partition("## In the browser")[2].partition("\n## ")[0]
    options = re.search(r"export interface Options.*?\n}", MODULE.with_suffix(".d.ts").read_text(), re.DOTALL)
    assert options
    assert re.findall(r"^  (\w+)\?:", options[0], re.MULTILINE) == re.findall(
        r"^\| `(\w+)` \|", reference, re.MULTILINE
    )
    for attribute in re.findall(r"""Attribute\("([\w-]+)"\)""", MODULE.read_text()):
        assert f"| `{attribute}` |" in PAGE.read_text(), attribute
