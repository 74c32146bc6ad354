// A change form that says when its object was changed or deleted meanwhile. What is in the form stays as it is.
import { follow } from "./line.js"
import { Mark, reloadLink } from "./mark.js"
import { Pace } from "./pace.js"

export function followForm(data) {
  const texts = JSON.parse(data.texts)
  const mark = new Mark(texts)
  const notice = document.createElement("div")
  notice.setAttribute("role", "status")
  notice.className = "sse-live-notice"
  document.querySelector("#content-main form")?.before(notice)
  const pace = new Pace(ask)
  const line = follow(data.stream, {
    on: {
      change: ({ rows, more }) => (more || data.key in rows) && pace.want(),
      check: () => pace.want(),
    },
    state: (name) => (name === "off" ? off() : mark.show(name)),
    missed: () => pace.want(),
  })
  addEventListener("submit", leave)

  async function ask() {
    const response = await fetch(`${data.state}?version=${data.version}`, {
      headers: { Accept: "application/json" },
      credentials: "same-origin",
      cache: "no-store",
    })
    if (response.status === 403 || response.redirected) return off()
    if (!response.ok) throw new Error(`the object's state answered ${response.status}`)
    const { state, text } = await response.json()
    if (left) return
    if (state === "same") notice.replaceChildren()
    else if (notice.dataset.text !== text) tell(state, text)
    notice.dataset.text = text
  }

  function tell(state, text) {
    const list = document.createElement("ul")
    list.className = "messagelist"
    const item = document.createElement("li")
    item.className = state === "gone" ? "error" : "warning"
    item.append(text)
    if (state === "changed") {
      const link = reloadLink(texts.reload)
      item.append(" ", link, " ", texts.lost)
    }
    list.append(item)
    notice.replaceChildren(list)
  }

  // One's own save is on its way: what it changes is no news. If it comes back with errors, the form still is about the object
  // as it was when it was opened.
  let left = false
  function leave(event) {
    const form = event.target
    if (event.defaultPrevented || form.method !== "post" || !form.closest("#content-main")) return
    left = true
    pace.stop()
    line.close()
    let field = form.elements.namedItem(data.field)
    if (!field) {
      field = document.createElement("input")
      field.type = "hidden"
      field.name = data.field
      form.append(field)
    }
    field.value = data.version
  }

  function off() {
    if (left) return
    pace.stop()
    line.close()
    mark.show("off", texts.off_why)
  }
}
