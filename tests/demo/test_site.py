"""The site around the streams, without a browser: commands, pages, static files, runserver."""

import html
import inspect
import re
from pathlib import Path

import pytest

from demo_project.catalog import source, tour
from demo_project.catalog.examples import chat, items, resume
from tests.demo.server import DemoServer, manage
from tests.demo.test_wire import FINITE, OPENING
from tests.live.client import Stream, fetch

SLUGS = [example.slug for example in tour.EXAMPLES]


def text_of(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def page(demo: DemoServer, path: str) -> str:
    return fetch(demo.url + path).decode()


def test_the_project_passes_its_checks(database: Path) -> None:
    assert "no issues" in manage(database, "check", "--fail-level", "WARNING")


def test_the_migrations_are_the_models(database: Path) -> None:
    assert "No changes detected" in manage(database, "makemigrations", "--check", "--dry-run")


def test_seeding_again_adds_what_is_missing_and_keeps_what_was_changed(tmp_path: Path) -> None:
    script = """
from django.contrib.auth import get_user_model
from django.core.management import call_command
from demo_project.catalog.models import Product
call_command("migrate", verbosity=0)
call_command("seed")
Product.objects.filter(name="Tin kettle").update(price=1)
Product.objects.get(name="Oak stool").delete()
get_user_model().objects.update(email="me@example.org")
call_command("seed")
print(Product.objects.get(name="Tin kettle").price, get_user_model().objects.get(username="demo", email="me@example.org"))
"""
    said = "12 products. The admin is at /admin/: demo, password demo."
    assert manage(tmp_path / "seeded.sqlite3", "shell", "-c", script).splitlines()[-3:] == [said, said, "1.00 demo"]


def test_the_database_is_in_wal_mode(demo: DemoServer, database: Path) -> None:
    # Bytes 18 and 19 of the header are the file format versions; 2 is WAL.
    assert database.read_bytes()[18:20] == b"\x02\x02"


@pytest.mark.parametrize("slug", SLUGS)
def test_a_page_shows_the_view_and_its_file_as_they_are(demo: DemoServer, slug: str) -> None:
    shown = [
        text_of(block) for block in re.findall(r"<pre[^>]*>(.*?)</pre>", page(demo, f"/examples/{slug}/"), re.DOTALL)
    ]
    view, file = shown[:2]
    assert re.search(r"^(async def|def|class) ", view, re.MULTILINE)
    assert view in file
    path = re.search(r'class="file">([^<]+)<', page(demo, f"/examples/{slug}/"))
    assert path is not None
    written = Path(__file__).resolve().parents[2] / "demo_project" / path[1]
    assert file == written.read_text().rstrip("\n")


def test_marking_code_up_changes_none_of_it() -> None:
    root = Path(__file__).resolve().parents[2]
    files = [*root.glob("sse_django/**/*.py"), *root.glob("demo_project/**/*.py"), Path(__file__)]
    assert len(files) > 50
    tricky = 'f"{{{a!r:>{width}}}} <b> &amp; {x[\'y\']}" + """two\n  lines""" \\\n  + b  # <i>\n'
    for code in [tricky, *(file.read_text() for file in files)]:
        assert text_of(str(source.highlight(code))) == code.rstrip("\n")


def test_a_view_is_shown_with_its_decorators(demo: DemoServer) -> None:
    chat_view = inspect.getsource(inspect.unwrap(chat.stream_chat)).rstrip("\n")
    assert chat_view.startswith("@require_POST\n@event_stream\nasync def stream_chat(")
    assert chat_view in text_of(page(demo, "/examples/chat/"))
    assert inspect.getsource(inspect.unwrap(items.sse_items)).rstrip("\n") in text_of(page(demo, "/"))
    assert inspect.getsource(inspect.unwrap(resume.stream_items)).rstrip("\n") in text_of(
        page(demo, "/examples/resume/")
    )


def test_the_index_links_every_example_once_with_a_line(demo: DemoServer) -> None:
    index = page(demo, "/")
    tour_part = index[index.index('id="examples"') :]
    assert re.findall(r'href="/examples/([^"]+)/"', tour_part) == SLUGS
    for example in tour.EXAMPLES:
        assert html.escape(example.line) in tour_part


@pytest.mark.parametrize("path", ["/", *(f"/examples/{slug}/" for slug in SLUGS)])
def test_a_page_needs_nothing_inline_and_its_policy_says_so(demo: DemoServer, path: str) -> None:
    with Stream(demo.url + path, headers={"Connection": "close"}) as response:
        markup = response.rest().decode()
        policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", markup)


@pytest.mark.parametrize("name", ["site.css", "stream.js", "log.js", "chat.js", "favicon.svg"])
def test_uvicorn_serves_the_static_files(demo: DemoServer, name: str) -> None:
    assert (
        fetch(f"{demo.url}/static/catalog/{name}")
        == (Path(__file__).resolve().parents[2] / "demo_project/catalog/static/catalog" / name).read_bytes()
    )


def test_the_icon_that_browsers_ask_for_exists(demo: DemoServer) -> None:
    with Stream(f"{demo.url}/favicon.ico", headers={"Connection": "close"}) as response:
        assert (response.status, response.headers["location"]) == (302, "/static/catalog/favicon.svg")


def test_the_admin_is_there(demo: DemoServer) -> None:
    assert b"Django administration" in fetch(f"{demo.url}/admin/login/")


def test_an_unknown_example_is_404(demo: DemoServer) -> None:
    with Stream(f"{demo.url}/examples/none/", headers={"Connection": "close"}) as response:
        assert response.status == 404


def test_runserver_streams_and_serves_pages_too(database: Path) -> None:
    with DemoServer(database, pace=0.02, kind="runserver") as demo:
        for path in FINITE:
            with Stream(demo.url + path) as stream:
                assert stream.rest().removeprefix(OPENING) == FINITE[path], path
        assert "Served by WSGI" in page(demo, "/")


def test_runserver_sends_an_event_while_the_view_still_waits(database: Path) -> None:
    with DemoServer(database, pace=600, kind="runserver") as demo, Stream(f"{demo.url}/items/stream") as stream:
        assert stream.event().json()["name"] == "Plumbus"
