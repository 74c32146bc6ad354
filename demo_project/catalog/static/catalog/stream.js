// A panel that shows what a plain EventSource does: its state, its events, and when it comes back.
//
// data-stream   the URL
// data-names    names of events, besides "message"
// data-resumes  the view goes on after ?last_event_id=

import { EventLog } from "./log.js"

const WORDS = {
  idle: "Not connected",
  connecting: "Connecting",
  open: "Open",
  reconnecting: "Reconnecting",
  ended: "Ended",
  closed: "Closed by the server",
  refused: "Refused",
  disconnected: "Disconnected",
}

class Panel {
  constructor(root) {
    this.root = root
    this.log = new EventLog(root.querySelector(".log"))
    this.names = new Set(["message", "stream-error", ...root.dataset.names.split(" ").filter(Boolean)])
    this.resumes = "resumes" in root.dataset
    this.source = null
    this.lastId = ""
    this.events = 0
    this.connections = 0
    this.#on(".connect", () => this.connect())
    this.#on(".disconnect", () => this.disconnect())
    this.#on(".clear", () => this.clear())
    this.show("idle")
  }

  connect() {
    if (this.source) return
    const url = new URL(this.root.dataset.stream, location.href)
    if (this.resumes && this.lastId !== "") url.searchParams.set("last_event_id", this.lastId)
    const source = new EventSource(url)
    source.onopen = () => this.opened()
    source.onerror = () => this.failed()
    for (const name of this.names) source.addEventListener(name, (event) => this.received(event))
    this.source = source
    this.everOpen = false
    this.show("connecting")
  }

  disconnect() {
    if (!this.source) return
    this.close("disconnected", "You closed it. The server has noticed, and closed the generator.")
  }

  clear() {
    this.log.clear()
    this.lastId = ""
    this.events = 0
    this.connections = 0
    this.numbers()
  }

  opened() {
    this.connections += 1
    const resumed = this.everOpen && this.lastId !== "" ? `, after id ${this.lastId}` : ""
    this.everOpen = true
    this.log.note(`open${resumed}`)
    this.show("open")
  }

  received(event) {
    this.events += 1
    this.lastId = event.lastEventId
    this.log.event(event)
    this.numbers()
  }

  // EventSource says "error" for everything that ends a connection; only its readyState tells what comes next.
  failed() {
    if (this.source.readyState === EventSource.CONNECTING) {
      if (this.everOpen && !this.root.querySelector(".returns").checked) {
        this.close("ended", "The response is over. Left alone, EventSource would ask again and get everything anew.")
        return
      }
      if (this.state !== "reconnecting") this.log.note("the line is gone; the browser will ask again")
      this.show("reconnecting", "Nothing to do for the page: the browser asks again by itself, until it gets an answer.")
      return
    }
    if (this.everOpen || this.lastId !== "") {
      // EventSource hides the status. Any answer but a stream is final to it, and 204 is the one that means well.
      const after = this.lastId === "" ? "" : ` after id ${this.lastId}`
      this.close("closed", `The server answered without a stream (204: nothing is left${after}). EventSource will not ask again.`)
    } else {
      this.close("refused", "The answer was no event stream, and EventSource takes that for final.")
    }
  }

  close(state, why) {
    this.source.close()
    this.source = null
    this.log.note(WORDS[state].toLowerCase())
    this.show(state, why)
  }

  show(state, why = "") {
    this.state = state
    const pill = this.root.querySelector(".state")
    pill.dataset.state = state
    pill.querySelector(".word").textContent = WORDS[state]
    this.#put(".why", why)
    // Not disabled: a button that loses the focus while it is used strands whoever uses the keyboard.
    this.root.querySelector(".connect").setAttribute("aria-disabled", String(this.source !== null))
    this.root.querySelector(".disconnect").setAttribute("aria-disabled", String(this.source === null))
    this.numbers()
  }

  numbers() {
    this.#put(".count", this.events)
    this.#put(".connections", this.connections)
    this.#put(".last-id", this.lastId === "" ? "none" : this.lastId)
  }

  #on(selector, handle) {
    this.root.querySelector(selector)?.addEventListener("click", handle)
  }

  #put(selector, words) {
    const element = this.root.querySelector(selector)
    if (element && element.textContent !== String(words)) element.textContent = words
  }
}

for (const root of document.querySelectorAll("[data-stream]")) {
  const panel = new Panel(root)
  panel.connect()
  // A page in the back/forward cache must hold no connection.
  addEventListener("pagehide", () => panel.disconnect())
}
