// The bell: how many notifications are unread, the list of them, and a toast for each new one. One connection for all tabs.

import { connect } from "../sse_django/sse.js"
import { fading, make, post, shows, since } from "./page.js"

const SHOWN = 8
const TOASTS = 3
const STAYS = 6000 // ms
const PICTURES = { order: "#", status: "✓", stock: "!" }

export function toast(text, kind = "status") {
  const shelf = document.querySelector(".toasts")
  const one = make("div", "toast")
  one.dataset.kind = kind
  one.append(make("span", "picture", PICTURES[kind]), make("p", "", text))
  const close = make("button", "close", "×")
  close.type = "button"
  close.setAttribute("aria-label", "Dismiss")
  one.append(close)
  shelf.append(one)
  one.querySelector(".picture").ariaHidden = "true"
  while (shelf.children.length > TOASTS) shelf.firstElementChild.remove()
  let timer
  const leave = () => fading(one).then(() => one.remove())
  const wait = () => (timer = setTimeout(leave, STAYS))
  close.addEventListener("click", leave)
  one.addEventListener("pointerenter", () => clearTimeout(timer)) // somebody reads it
  one.addEventListener("pointerleave", wait)
  wait()
}

class Bell {
  #all = new Map() // by id

  constructor(root) {
    this.root = root
    this.ring = root.querySelector(".ring")
    this.panel = root.querySelector(".panel")
    this.ring.addEventListener("click", () => this.open(this.panel.hidden))
    root.addEventListener("keydown", ({ key }) => key === "Escape" && this.open(false, true))
    document.addEventListener("pointerdown", ({ target }) => root.contains(target) || this.open(false))
    connect(root.dataset.live, {
      share: `bell-${root.dataset.user}`, // not another user's, who was signed in before
      onState: shows(root.querySelector(".state")),
      on: {
        snapshot: (rows) => {
          this.#all = new Map(rows.map((row) => [row.id, row]))
          this.show()
        },
        created: (row) => {
          const news = !this.#all.has(row.id)
          this.#all.set(row.id, row)
          this.show()
          if (!news) return
          this.shake()
          if (!this.panel.hidden) this.read()
          else if (!document.hidden) toast(row.text, row.kind)
        },
        updated: (row) => {
          this.#all.set(row.id, row)
          this.show()
        },
        deleted: ({ pk }) => {
          this.#all.delete(pk)
          this.show()
        },
      },
    })
  }

  get unread() {
    return [...this.#all.values()].filter((row) => !row.read).length
  }

  open(yes, focus = false) {
    if (yes === !this.panel.hidden) return
    this.panel.hidden = !yes
    this.ring.setAttribute("aria-expanded", yes)
    if (yes) {
      this.show()
      this.read()
    } else if (focus) this.ring.focus()
  }

  read() {
    if (this.unread) post(this.root.dataset.read)
  }

  show() {
    const { unread } = this
    const badge = this.root.querySelector(".unread")
    badge.textContent = unread > 99 ? "99+" : unread
    badge.hidden = unread === 0
    this.ring.setAttribute("aria-label", unread ? `Notifications, ${unread} unread` : "Notifications")
    this.root.querySelector(".none").hidden = this.#all.size > 0
    if (this.panel.hidden) return
    const newest = [...this.#all.values()].sort((a, b) => b.id - a.id).slice(0, SHOWN)
    this.root.querySelector(".list").replaceChildren(
      ...newest.map((row) => {
        const item = make("li", "note")
        item.dataset.kind = row.kind
        const words = make("p", "", row.text)
        const when = make("time", "", since(row.created))
        when.dateTime = row.created
        words.append(when)
        item.append(make("span", "picture", PICTURES[row.kind]), words)
        item.firstElementChild.ariaHidden = "true"
        return item
      }),
    )
  }

  shake() {
    this.ring.classList.remove("rings")
    void this.ring.offsetWidth // begins the animation anew
    this.ring.classList.add("rings")
  }
}

for (const root of document.querySelectorAll(".bell")) new Bell(root)
