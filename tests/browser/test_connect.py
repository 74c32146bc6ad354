"""connect(): events, states, ends, errors, POST, and coming back."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Watched
from tests.browser.server import SiteServer
from tests.live.waiting import stays, until

OpenPage = Callable[[str], Page]


def test_events_come_decoded_with_their_names_and_ids(page: Page, site: SiteServer) -> None:
    stream = Watched(page, "/channel/names/")
    stream.until_placed()
    site.send("names", {"n": 1}, "created")
    site.send("names", "straße 😀")
    stream.until_data([{"n": 1}, "straße 😀"])
    assert [event["name"] for event in stream.events] == ["created", "message"]
    assert stream.events[-1]["id"] == stream.last_event_id != ""
    assert stream.states == ["connecting", "open"]


def test_a_handler_is_called_for_its_name_with_the_data_and_the_event(page: Page, site: SiteServer) -> None:
    page.evaluate(
        """async () => {
          const { connect } = await import("/static/sse_django/sse.js")
          window.heard = []
          window.stream = connect("/channel/handlers/", { on: {
            created(data, event) { heard.push(["created", data, event.raw, event.name]) },
            constructor(data) { heard.push(["constructor", data]) },
          } })
        }"""
    )
    until(lambda: page.evaluate("stream.lastEventId"), 20, "a cursor")
    site.send("handlers", [1], "created")
    site.send("handlers", 2, "toString")  # a name that every object has is no handler
    site.send("handlers", 3, "constructor")
    until(lambda: len(page.evaluate("heard")) == 2, 20, "two events")
    assert page.evaluate("heard") == [["created", [1], "[1]", "created"], ["constructor", 3]]


def test_a_handler_of_all_is_called_once_for_each_whatever_its_name(page: Page, site: SiteServer) -> None:
    page.evaluate(
        """async () => {
          const { connect } = await import("/static/sse_django/sse.js")
          window.heard = []
          window.stream = connect("/channel/all/", { on: { "*": (data, { name }) => heard.push([name, data]) } })
        }"""
    )
    until(lambda: page.evaluate("stream.lastEventId"), 20, "a cursor")
    for n, name in enumerate(["*", "created"]):
        site.send("all", n, name)
    until(lambda: page.evaluate("heard.length >= 2"), 20, "both")
    assert page.evaluate("heard") == [["*", 0], ["created", 1]]


def test_a_last_event_id_that_no_header_takes_is_an_error_at_once(page: Page) -> None:
    said = page.evaluate(
        """async () => {
          const { connect } = await import("/static/sse_django/sse.js")
          try { connect("/channel/all/", { lastEventId: "1\\n2" }) } catch (error) { return String(error) }
        }"""
    )
    assert said == 'TypeError: lastEventId is one line, got "1\\n2"'


def test_decoding_can_be_turned_off(page: Page, site: SiteServer) -> None:
    raw = Watched(page, "/channel/raw/", json=False)
    raw.until_placed()
    site.send("raw", {"n": 1})
    raw.until_data(['{"n": 1}'])


def test_a_handler_that_throws_is_reported_and_keeps_nobody_else_from_hearing(
    page: Page, site: SiteServer, complaints: list[str]
) -> None:
    page.evaluate(
        """async () => {
          const { connect } = await import("/static/sse_django/sse.js")
          window.heard = []
          window.stream = connect("/channel/throws/", { on: {
            message(data) { throw new Error(`no ${data}`) },
            "*"(data) { heard.push(data) },
          } })
        }"""
    )
    until(lambda: page.evaluate("stream.lastEventId"), 20, "a cursor")
    site.send("throws", 1)
    site.send("throws", 2)
    until(lambda: page.evaluate("heard") == [1, 2], 20, "both")
    assert complaints == ["no 1", "no 2"]
    complaints.clear()


def test_close_ends_the_stream_on_the_server_too(page: Page, site: SiteServer) -> None:
    stream = Watched(page, "/channel/closing/")
    until(lambda: site.streams("/channel/closing/") == 1, 20, "open")
    stream.close()
    until(lambda: site.streams("/channel/closing/") == 0, 20, "closed")
    assert stream.state == "closed"
    assert stream.get("log.why") == {"reason": "client"}
    site.send("closing", 1)
    stays(lambda: stream.events == [] and site.opened("/channel/closing/") == 1, 0.7, "closed for good")


def test_an_abort_signal_closes_it(page: Page, site: SiteServer) -> None:
    page.evaluate(
        """async () => {
          const { connect } = await import("/static/sse_django/sse.js")
          window.controller = new AbortController()
          window.stream = connect("/channel/aborting/", { signal: controller.signal })
          window.never = connect("/channel/aborting/", { signal: AbortSignal.abort() })
        }"""
    )
    until(lambda: site.streams("/channel/aborting/") == 1, 20, "open")
    page.evaluate("controller.abort()")
    until(lambda: site.streams("/channel/aborting/") == 0, 20, "closed")
    assert page.evaluate("[stream.state, never.state]") == ["closed", "closed"]
    assert site.opened("/channel/aborting/") == 1


def test_leaving_the_page_ends_the_stream_quietly(page: Page, site: SiteServer) -> None:
    Watched(page, "/channel/leaving/")
    until(lambda: site.streams("/channel/leaving/") == 1, 20, "open")
    page.goto(f"{site.url}/token/")
    until(lambda: site.streams("/channel/leaving/") == 0, 20, "closed")


def test_a_finished_stream_with_ids_is_read_once_and_ends_for_good(page: Page, site: SiteServer) -> None:
    before = site.asked("/finite/")
    stream = Watched(page, "/finite/")
    stream.until_state("closed")
    assert stream.data == [1, 2, 3]
    assert stream.get("log.why") == {"reason": "done", "status": 204}
    assert site.asked("/finite/") == before + 2  # the second was the 204


def test_it_begins_after_the_id_that_it_is_given(page: Page, site: SiteServer) -> None:
    stream = Watched(page, "/finite/", lastEventId="2")
    stream.until_state("closed")
    assert stream.data == [3]


def test_a_stream_that_ends_is_opened_again_after_the_servers_retry(page: Page, site: SiteServer) -> None:
    stream = Watched(page, "/ending/")
    until(lambda: len(stream.events) >= 3, 20, "three connections")
    stream.close()
    assert stream.states[:4] == ["connecting", "open", "reconnecting", "open"]


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 422])
def test_a_refusal_is_final(page: Page, site: SiteServer, complaints: list[str], code: int) -> None:
    stream = Watched(page, f"/status/{code}/")
    stream.until_state("closed")
    assert stream.get("log.why") == {"reason": "status", "status": code}
    assert site.asked(f"/status/{code}/") == 1
    assert all(f"status of {code}" in text for text in complaints)
    complaints.clear()


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503])
def test_what_may_pass_is_tried_again(page: Page, site: SiteServer, complaints: list[str], code: int) -> None:
    stream = Watched(page, f"/flaky/{code}/")
    stream.until_data(["hello"])
    assert site.asked(f"/flaky/{code}/") == 3
    assert stream.states == ["connecting", "reconnecting", "open"]
    assert all(f"status of {code}" in text for text in complaints)
    complaints.clear()


def test_what_is_no_event_stream_is_final(page: Page, site: SiteServer) -> None:
    stream = Watched(page, "/token/")  # HTML, as a login page is
    stream.until_state("closed")
    assert stream.get("log.why") == {"reason": "type", "status": 200}


def test_a_servers_error_is_told_and_the_stream_comes_back(page: Page, site: SiteServer) -> None:
    stream = Watched(page, "/failing/")
    until(lambda: len(stream.get("log.errors")) >= 2, 20, "two errors")
    stream.close()
    assert set(stream.data) == {"before"}
    assert "a bug of the view's" in stream.get("log.errors")[0]  # DEBUG is on; without it: "internal error"


def test_a_reset_is_told_with_its_reason_and_the_stream_goes_on(page: Page, site: SiteServer) -> None:
    stream = Watched(page, "/channel/reset/", lastEventId="fff-1-ab")
    until(lambda: stream.get("log.resets") == ["epoch"], 20, "a reset")
    site.send("reset", "after")
    stream.until_data(["after"])


def test_a_post_sends_json_and_reads_the_answer_to_its_end(open_page: OpenPage, site: SiteServer) -> None:
    page = open_page(f"{site.url}/token/")
    before = site.asked("/chat/")
    token = page.locator("#csrf").input_value()
    stream = Watched(page, "/chat/", body={"text": "two words"}, headers={"X-CSRFToken": token})
    stream.until_state("closed")
    assert stream.data == ["two", "words", "[DONE]"]
    assert stream.get("log.why") == {"reason": "done"}
    assert site.asked("/chat/") == before + 1  # a POST is not sent twice


def test_a_refused_post_says_so(open_page: OpenPage, site: SiteServer, complaints: list[str]) -> None:
    page = open_page(f"{site.url}/token/")
    token = page.locator("#csrf").input_value()
    stream = Watched(page, "/chat/", body={"wrong": 1}, headers={"X-CSRFToken": token})
    stream.until_state("closed")
    assert stream.get("log.why") == {"reason": "status", "status": 422}
    complaints.clear()


def test_a_loop_reads_it_and_ends_with_it(open_page: OpenPage, site: SiteServer, complaints: list[str]) -> None:
    page = open_page(f"{site.url}/token/")
    read = """async (path) => {
      const { connect } = await import("/static/sse_django/sse.js")
      const headers = () => ({ "X-CSRFToken": document.querySelector("#csrf").value })
      const heard = []
      try {
        for await (const { name, data } of connect(path, { body: { text: "a b" }, headers })) heard.push([name, data])
      } catch (error) {
        heard.push([error.message, error.status])
      }
      return heard
    }"""
    assert page.evaluate(read, "/chat/") == [["token", "a"], ["token", "b"], ["done", "[DONE]"]]
    assert page.evaluate(read, "/status/404/") == [["the stream answered 404", 404]]
    complaints.clear()


def test_leaving_a_loop_closes_the_stream(page: Page, site: SiteServer) -> None:
    page.evaluate(
        """async () => {
          const { connect } = await import("/static/sse_django/sse.js")
          window.stream = connect("/channel/loop/")
          window.loop = (async () => { for await (const event of stream) return event.data })()
        }"""
    )
    until(lambda: page.evaluate("stream.lastEventId"), 20, "a cursor")
    site.send("loop", 1)
    assert page.evaluate("loop") == 1
    assert page.evaluate("stream.state") == "closed"
    until(lambda: site.streams("/channel/loop/") == 0, 20, "closed")


def test_an_id_beyond_ascii_is_sent_back_as_utf_8(open_page: OpenPage, site: SiteServer) -> None:
    page = open_page(site.url)
    stream = Watched(page, "/channel/utf8/", lastEventId="straße-1")
    until(lambda: stream.get("log.resets") == ["epoch"], 20, "the server took it")


def test_eventsource_reads_the_same_endpoints(page: Page, site: SiteServer) -> None:
    url = f"/channel/plain/?last_event_id={quote('fff-1-ab')}"
    page.evaluate(
        """(url) => {
          window.heard = []
          window.source = new EventSource(url)
          for (const name of ["message", "created", "stream-reset"]) {
            source.addEventListener(name, ({ type, data }) => heard.push([type, JSON.parse(data)]))
          }
        }""",
        url,
    )
    until(lambda: page.evaluate("heard.length"), 20, "the reset")
    site.send("plain", 1)
    site.send("plain", 2, "created")
    until(lambda: len(page.evaluate("heard")) == 3, 20, "both")
    assert page.evaluate("heard") == [["stream-reset", {"reason": "epoch"}], ["message", 1], ["created", 2]]
    page.evaluate("source.close()")
