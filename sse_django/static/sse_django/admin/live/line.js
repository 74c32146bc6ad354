// The stream of a page: open while somebody can see the page, and honest about what may have been missed.
import { connect } from "../../sse.js"

const HIDDEN = 10_000 // ms after which a page that nobody sees gives its connection back: browsers have six for a site

// Options: `cursor` to begin after; `on`, handlers by event name; `state("connecting" | "live" | "reconnecting" | "off")`;
// `missed()`: something may have happened that no event will tell.
export function follow(url, { cursor = "", on, state, missed }) {
  let stream = null
  let last = cursor
  let doubt = cursor === "" || document.hidden // opened late, or from no place of its own
  let over = false
  let leaving = 0

  function open() {
    if (stream !== null || over) return
    const mine = connect(url, {
      lastEventId: last,
      on,
      onReset: () => missed(),
      onState(name) {
        if (mine !== stream) return // given back, or about to be told for the first time
        if (name === "closed") {
          over = true
          return state("off")
        }
        if (name === "reconnecting") doubt = true // what sends no signal can't be caught up with by a cursor
        state(name === "open" ? "live" : name)
        if (name === "open" && doubt) {
          doubt = false
          missed()
        }
      },
    })
    stream = mine
  }

  function giveBack() {
    if (stream === null || over) return
    const old = stream
    stream = null
    last = old.lastEventId
    doubt = true
    old.close()
  }

  function look() {
    clearTimeout(leaving)
    if (document.hidden) leaving = setTimeout(giveBack, HIDDEN)
    else open()
  }

  document.addEventListener("visibilitychange", look)
  look()
  return {
    close() {
      document.removeEventListener("visibilitychange", look)
      clearTimeout(leaving)
      over = true
      stream?.close()
    },
  }
}
