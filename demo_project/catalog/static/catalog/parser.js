// The event stream format, for bodies that EventSource can't ask for. HTML, section 9.2.6.

export class EventParser {
  #rest = ""
  #afterCR = false
  #started = false
  #data = []
  #type = ""
  lastEventId = ""

  // Takes text as it comes, cut anywhere, and returns the events that it completes.
  feed(text) {
    if (!this.#started && text !== "") {
      this.#started = true
      if (text.startsWith("\uFEFF")) text = text.slice(1)
    }
    this.#rest += text
    const events = []
    for (let line = this.#line(); line !== null; line = this.#line()) {
      if (line === "") {
        if (this.#data.length) events.push(this.#event())
        this.#data = []
        this.#type = ""
      } else {
        this.#field(line)
      }
    }
    return events
  }

  // Lines end with CRLF, LF or CR. A CR ends its line at once; the LF that may follow, perhaps later, ends none.
  #line() {
    if (this.#afterCR && this.#rest !== "") {
      if (this.#rest.startsWith("\n")) this.#rest = this.#rest.slice(1)
      this.#afterCR = false
    }
    const end = this.#rest.search(/[\r\n]/)
    if (end < 0) return null
    const line = this.#rest.slice(0, end)
    this.#afterCR = this.#rest[end] === "\r"
    this.#rest = this.#rest.slice(end + 1)
    return line
  }

  #field(line) {
    const colon = line.indexOf(":")
    if (colon === 0) return // a comment, such as a ping
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "")
    if (name === "data") this.#data.push(value)
    else if (name === "event") this.#type = value
    else if (name === "id" && !value.includes("\0")) this.lastEventId = value
  }

  #event() {
    return { type: this.#type || "message", data: this.#data.join("\n"), lastEventId: this.lastEventId }
  }
}

// The events of a fetch response, as they arrive.
export async function* eventsOf(response) {
  const parser = new EventParser()
  const reader = response.body.pipeThrough(new TextDecoderStream("utf-8", { ignoreBOM: true })).getReader()
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield* parser.feed(part.value)
  } finally {
    reader.cancel().catch(() => {}) // already broken off, perhaps by an abort
  }
}
