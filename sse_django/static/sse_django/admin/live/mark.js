// The small mark beside the heading, and what is said to screen readers.

const ANNOUNCE = 400 // ms, so that a live region which was just put in is known before it speaks

export class Mark {
  #element = document.createElement("span")
  #text = document.createElement("span")
  #why = document.createElement("span")
  #said = document.createElement("p")
  #texts
  #queue = 0

  constructor(texts) {
    this.#texts = texts
    const dot = document.createElement("span")
    dot.className = "sse-live-dot"
    dot.setAttribute("aria-hidden", "true")
    this.#element.className = "sse-live-mark"
    this.#why.className = "sse-live-why"
    this.#element.append(dot, this.#text, this.#why)
    this.#said.className = "sse-live-said"
    this.#said.setAttribute("role", "status")
    const heading = document.querySelector("#content h1")
    if (heading) heading.after(this.#element)
    else document.querySelector("#content, body").prepend(this.#element)
    document.body.append(this.#said)
    this.show("connecting")
  }

  // One of "connecting", "live", "reconnecting", "paused", "off"; with `why`, a sentence and a link to a page that works.
  show(state, why = "") {
    if (this.#element.dataset.state === state && this.#why.textContent === why) return
    this.#element.dataset.state = state
    this.#text.textContent = this.#texts[state]
    this.#why.replaceChildren()
    if (why) {
      this.#why.append(why, " ", reloadLink(this.#texts.reload))
      this.say(`${this.#texts[state]}. ${why}`)
    }
  }

  say(sentence) {
    clearTimeout(this.#queue)
    this.#queue = setTimeout(() => (this.#said.textContent = sentence), ANNOUNCE)
  }
}

export function reloadLink(text) {
  const link = document.createElement("a")
  link.href = location.href.split("#")[0]
  link.textContent = text
  return link
}
