// The chat: POSTs a prompt and shows the answer token by token.

import { EventLog } from "./log.js"
import { eventsOf } from "./parser.js"

const WORDS = {
  idle: "Ready",
  connecting: "Sending",
  open: "Answering",
  done: "Done",
  disconnected: "Stopped",
  refused: "Refused",
  broken: "The line broke",
}

class Chat {
  constructor(root) {
    this.root = root
    this.form = root.querySelector(".prompt")
    this.talk = root.querySelector(".talk")
    this.log = new EventLog(root.querySelector(".wire .log"))
    this.events = 0
    this.abort = null
    this.form.addEventListener("submit", (event) => {
      event.preventDefault()
      if (!this.abort) this.send(this.form.elements.text.value)
    })
    root.querySelector(".stop").addEventListener("click", () => this.abort?.abort())
    addEventListener("pagehide", () => this.abort?.abort())
    this.show("idle")
  }

  async send(prompt) {
    this.abort = new AbortController()
    this.say("you", prompt)
    const reply = this.say("reply", "")
    this.form.elements.text.value = ""
    this.show("connecting")
    try {
      const response = await fetch(this.root.dataset.stream, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "X-CSRFToken": this.form.elements.csrfmiddlewaretoken.value,
        },
        body: JSON.stringify({ text: prompt }),
        signal: this.abort.signal,
      })
      if (!response.ok) {
        reply.textContent = `The server refused with ${response.status}.`
        this.finish("refused")
        return
      }
      this.show("open")
      this.finish(await this.answer(response, reply))
    } catch {
      this.finish(this.abort.signal.aborted ? "disconnected" : "broken")
    }
  }

  async answer(response, reply) {
    const words = []
    for await (const event of eventsOf(response)) {
      this.log.event(event)
      this.events += 1
      this.root.querySelector(".count").textContent = this.events
      if (event.type === "done") return "done"
      if (event.type === "token") words.push(JSON.parse(event.data))
      reply.textContent = words.join(" ")
      this.talk.scrollTop = this.talk.scrollHeight
    }
    return "broken" // the response ended without saying that it was done
  }

  finish(state) {
    this.talk.lastElementChild.dataset.end = state
    this.abort = null
    this.show(state)
  }

  say(who, words) {
    this.talk.querySelector(".hint")?.remove()
    const bubble = document.createElement("p")
    bubble.className = who
    bubble.textContent = words
    this.talk.append(bubble)
    this.talk.scrollTop = this.talk.scrollHeight
    return bubble
  }

  show(state) {
    const pill = this.root.querySelector(".state")
    pill.dataset.state = state
    pill.querySelector(".word").textContent = WORDS[state]
    this.root.querySelector(".send").setAttribute("aria-disabled", String(this.abort !== null))
    this.root.querySelector(".stop").setAttribute("aria-disabled", String(this.abort === null))
  }
}

for (const root of document.querySelectorAll(".chat")) new Chat(root)
