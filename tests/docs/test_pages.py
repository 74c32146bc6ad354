"""Every block of every page does what the page says."""

import pytest

from tests.docs.blocks import blocks_of, pages
from tests.docs.project import Project
from tests.docs.runners import Page


@pytest.mark.django_db(transaction=True)  # streams under WSGI read in threads of their own, what is committed
@pytest.mark.parametrize("name", pages())
def test_page_runs_from_top_to_bottom(name: str, project: Project, request: pytest.FixtureRequest) -> None:
    page = Page(project, request)
    for block in blocks_of(name):
        try:
            page.run(block)
        except BaseException as error:
            error.add_note(f"in {block}")
            raise
