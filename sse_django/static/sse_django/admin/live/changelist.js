// A changelist that stays as a reload would show it: the stream says that something changed, and the page is asked for again.
import { follow } from "./line.js"
import { List, rootOf, UnknownRows } from "./list.js"
import { Mark } from "./mark.js"
import { Pace } from "./pace.js"

const HEADERS = { "X-SSE-Refresh": "1", Accept: "text/html" }

export function followList(data) {
  const root = rootOf(document)
  if (root === null) return
  const texts = JSON.parse(data.texts)
  const mark = new Mark(texts)
  if (data.bound !== undefined) {
    mark.show("paused") // a form with errors: what was typed can't be told from what is stored
    return
  }
  let expected = nothing()
  const pace = new Pace(refresh)
  let list
  try {
    list = new List(root, JSON.parse(data.keys), texts, () => pace.want())
  } catch (error) {
    if (!(error instanceof UnknownRows)) throw error
    mark.show("off")
    console.warn(`sse_django: ${error.message}`)
    return
  }
  const line = follow(data.stream, {
    cursor: data.cursor,
    on: {
      change: ({ rows, more }) => expect(rows, more),
      check: () => expect({}, true),
    },
    state: (name) => (name === "off" ? off() : mark.show(name)),
    missed: () => expect({}, true),
  })
  document.addEventListener("click", choose)

  function expect(rows, more) {
    Object.assign(expected.rows, rows)
    expected.more ||= Boolean(more)
    pace.want()
  }

  function off() {
    pace.stop()
    line.close()
    mark.show("off", texts.off_why)
  }

  async function refresh() {
    const mine = expected
    expected = nothing()
    try {
      const response = await fetch(location.href, { headers: HEADERS, credentials: "same-origin", cache: "no-store" })
      const { pathname, search } = new URL(response.url)
      if (response.status === 403 || pathname !== location.pathname) return off() // a login page, perhaps
      if (!response.ok) throw new Error(`the list answered ${response.status}`)
      const page = new DOMParser().parseFromString(await response.text(), "text/html")
      const fresh = page.querySelector("script[data-sse-live=changelist]")?.dataset
      const next = rootOf(page)
      if (!fresh || !next) return off()
      await pace.still()
      // This page of the list may be no more: where a reload would end, so do we.
      if (search !== location.search) history.replaceState(history.state, "", response.url)
      const sentence = list.take(next, JSON.parse(fresh.keys), mine)
      if (sentence) mark.say(sentence)
    } catch (error) {
      if (error instanceof UnknownRows) return off()
      Object.assign(expected.rows, mine.rows, { ...expected.rows })
      expected.more ||= mine.more
      throw error
    }
  }
}

function nothing() {
  return { rows: {}, more: false }
}

// In the window of a related field a row is chosen, not opened. Django has its handlers on the rows that were there at load.
function choose(event) {
  const link = event.target.closest?.("#result_list a[data-popup-opener]")
  if (!link || event.defaultPrevented || !window.opener?.dismissRelatedLookupPopup) return
  event.preventDefault()
  window.opener.dismissRelatedLookupPopup(window, link.dataset.popupOpener)
}
