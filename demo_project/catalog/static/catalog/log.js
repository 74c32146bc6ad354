// The list on a page in which each thing that happens is a row: an event, or a word about the connection.

const LIMIT = 200 // rows; an endless stream must not fill the memory of a tab left open

const clock = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3,
})

export class EventLog {
  constructor(list) {
    this.list = list
  }

  // An event as the browser gave it: its type is "message" unless the server named it.
  event({ type, data, lastEventId }) {
    this.#add("event", [
      this.#time(),
      text("span", "name", type),
      text("span", "id", lastEventId === "" ? "" : `id ${lastEventId}`),
      text("code", "data", data),
    ])
  }

  note(words) {
    this.#add("note", [this.#time(), text("span", "words", words)])
  }

  clear() {
    this.list.replaceChildren()
  }

  #add(kind, parts) {
    const list = this.list
    // Somebody who has scrolled up to read is left where they are.
    const follows = list.scrollHeight - list.scrollTop - list.clientHeight < 40
    const row = document.createElement("li")
    row.className = kind
    row.append(...parts)
    list.append(row)
    while (list.children.length > LIMIT) list.firstElementChild.remove()
    if (follows) list.scrollTop = list.scrollHeight
  }

  #time() {
    const now = new Date()
    const time = text("time", "time", clock.format(now))
    time.dateTime = now.toISOString()
    return time
  }
}

function text(tag, name, words) {
  const element = document.createElement(tag)
  element.className = name
  element.textContent = words
  return element
}
