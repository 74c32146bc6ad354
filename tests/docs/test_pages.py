"""Every block of every page does what the page says."""

import gc
import threading
from collections.abc import Iterator

import pytest
from asgiref.sync import SyncToAsync

from tests.docs.blocks import blocks_of, pages
from tests.docs.project import Project
from tests.docs.runners import Page


@pytest.fixture
def settled() -> Iterator[None]:
    """The connections of a page's streams are gone before the next test.

    Django never closes a connection to SQLite in memory, and from Python 3.13 on that is a warning where the object dies: with
    the thread that it belongs to.
    """
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before - SyncToAsync.single_thread_executor._threads:
        if thread.name.startswith("ThreadPoolExecutor"):
            thread.join(0.1)  # one that a logged exception keeps alive, in its traceback, queries no more
    gc.collect()


@pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")
@pytest.mark.usefixtures("settled")
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
