// The board: a card for each row of the feed, in the column of its status.

import { connect } from "../sse_django/sse.js"
import { fading, make, moving, post, shows, since } from "./page.js"

const board = document.querySelector(".board")
const columns = new Map([...board.querySelectorAll(".column")].map((column) => [column.dataset.status, column]))
const cards = new Map() // by id
const gone = document.querySelector(".gone")
let handedOver = 0

function cardOf(row) {
  const card = make("li", "card")
  const head = make("p", "card-head")
  head.append(make("b", "number"), make("time", "age"), make("span", "customer"))
  const foot = make("div", "card-foot")
  const step = make("button", "step")
  step.type = "button"
  step.addEventListener("click", () => post(board.dataset.move.replace("/0/", `/${row.id}/`)))
  foot.append(make("span", "total"), step)
  card.append(head, make("p", "summary"), foot)
  return card
}

function put(row) {
  const card = cards.get(row.id) ?? cardOf(row)
  cards.set(row.id, card)
  const column = columns.get(row.status)
  const set = (name, words) => (card.querySelector(`.${name}`).textContent = words)
  set("number", `#${row.number}`)
  set("customer", row.customer.name)
  set("summary", row.summary)
  set("total", `€ ${row.total}`)
  set("step", column.dataset.step)
  card.querySelector(".step").setAttribute("aria-label", `${column.dataset.step}: order ${row.number}`)
  card.querySelector(".age").dateTime = row.placed
  const list = column.querySelector("ol")
  if (card.parentElement !== list) {
    const focused = card.contains(document.activeElement)
    list.append(card)
    if (focused) card.querySelector(".step").focus() // whoever works with the keyboard stays with the order
  }
}

function change(how) {
  moving(() => [...board.querySelectorAll(".card:not(.leaves)")], how)
  for (const column of columns.values()) {
    column.querySelector(".count").textContent = column.querySelectorAll(".card:not(.leaves)").length
  }
  ages()
}

function ages() {
  for (const time of board.querySelectorAll(".age")) time.textContent = since(time.dateTime)
}

connect(board.dataset.live, {
  share: true,
  onState: shows(document.querySelector(".live-state")),
  on: {
    snapshot: (rows) =>
      change(() => {
        const there = new Set(rows.map(({ id }) => id))
        for (const [id, card] of cards) {
          if (there.has(id)) continue
          card.remove()
          cards.delete(id)
        }
        rows.forEach(put)
      }),
    created: (row) => change(() => put(row)),
    updated: (row) => change(() => put(row)),
    deleted: async ({ pk }) => {
      const card = cards.get(pk)
      if (!card) return
      cards.delete(pk)
      card.classList.add("leaves")
      gone.hidden = false
      gone.querySelector("b").textContent = ++handedOver
      change(() => {}) // it counts no more
      await fading(card)
      change(() => card.remove())
    },
  },
})

setInterval(ages, 15_000)
