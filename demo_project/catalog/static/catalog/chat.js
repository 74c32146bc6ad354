// The chat: POSTs a prompt and shows the answer token by token.

import { connect } from "../sse_django/sse.js"
import { EventLog } from "./log.js"

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
    this.stream = null
    this.form.addEventListener("submit", (event) => {
      event.preventDefault()
      if (!this.stream) this.send(this.form.elements.text.value)
    })
    root.querySelector(".stop").addEventListener("click", () => this.stream?.close())
    this.show("idle")
  }

  send(prompt) {
    this.say("you", prompt)
    const reply = this.say("reply", "")
    this.form.elements.text.value = ""
    const words = []
    let said = null // what it says last, "done": without it an end is no end
    this.stream = connect(this.root.dataset.stream, {
      body: { text: prompt },
      headers: { "X-CSRFToken": this.form.elements.csrfmiddlewaretoken.value },
      on: {
        token(word) {
          words.push(word)
          reply.textContent = words.join(" ")
        },
        done: () => (said = "done"),
        "*": (data, { name, raw, id }) => {
          this.log.event({ type: name, data: raw, lastEventId: id })
          this.events += 1
          this.root.querySelector(".count").textContent = this.events
          this.talk.scrollTop = this.talk.scrollHeight
        },
      },
      onState: (state, why) => {
        if (state !== "closed") return this.show(state)
        if (why.reason === "status") reply.textContent = `The server refused with ${why.status}.`
        this.finish(said ?? { client: "disconnected", status: "refused" }[why.reason] ?? "broken", reply)
      },
    })
    this.show("connecting")
  }

  finish(state, reply) {
    reply.dataset.end = state
    this.stream = null
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
    this.root.querySelector(".send").setAttribute("aria-disabled", String(this.stream !== null))
    this.root.querySelector(".stop").setAttribute("aria-disabled", String(this.stream === null))
  }
}

for (const root of document.querySelectorAll(".chat")) new Chat(root)
