"""Links between pages lead somewhere, nothing was left to be filled in, and the README stays short."""

import re

import pytest

from tests.docs.blocks import ROOT, pages


def anchors(page: str) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages())
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert file.exists(), f"{page}: {target}"
        if anchor:
            assert anchor in anchors(str(file.relative_to(ROOT))), f"{page}: {target}"


@pytest.mark.parametrize("page", [page for page in pages() if page != "README.md"])
def test_every_page_is_linked_from_the_readme(page: str) -> None:
    assert f"]({page})" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_is_shorter_than_150_lines() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150


@pytest.mark.parametrize("page", pages())
def test_nothing_is_left_to_be_filled_in(page: str) -> None:
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if re.fullmatch(r"\s*[A-Z][A-Z0-9_]+[.:]?\s*", line)] == []  # as in "BENCH"


@pytest.mark.parametrize("page", pages())
def test_lines_of_prose_fit_an_editor(page: str) -> None:
    for number, line in enumerate((ROOT / page).read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith(("|", "`")):  # tables and signatures can't be broken
            assert len(line) <= 128, f"{page}:{number} has {len(line)} characters"
