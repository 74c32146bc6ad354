// The ticks of the list's actions. Django's actions.js counts the boxes that were there when the page was loaded; it is given an
// array instead, which is kept up to date, and so goes on doing its work on rows that came later.

const boxes = []
const known = new WeakSet() // links that actions.js has its handlers on
let table = null // the one that it has its handlers on
const original = window.Actions

// This module runs before DOMContentLoaded, at which actions.js begins.
if (original) {
  window.Actions = (found, options) => {
    boxes.splice(0, Infinity, ...found)
    begin(options)
  }
}

function begin(options) {
  table = document.getElementById("result_list")
  for (const link of document.querySelectorAll("div.actions .question a, div.actions .clear a")) known.add(link)
  original(boxes, options)
}

// After rows have come and gone.
export function recount() {
  boxes.splice(0, Infinity, ...document.querySelectorAll("tr input.action-select"))
  if (!original || boxes.length === 0) return
  if (document.getElementById("result_list") !== table && document.getElementById("action-toggle")) begin()
  const toggle = document.getElementById("action-toggle")
  if (across()) {
    for (const box of boxes) tick(box, true)
    if (toggle) toggle.checked = true
    show({ all: true, clear: true })
    return
  }
  const ticked = boxes.filter((box) => box.checked).length
  const all = ticked === boxes.length
  if (toggle) toggle.checked = all
  for (const counter of document.querySelectorAll("div.actions span.action-counter")) {
    const numbers = { sel: ticked, cnt: Number(counter.dataset.actionsIcnt) }
    const words = window.ngettext?.("%(sel)s of %(cnt)s selected", "%(sel)s of %(cnt)s selected", ticked)
    if (words && window.interpolate) counter.textContent = window.interpolate(words, numbers, true)
  }
  show({ question: all, "action-counter": true })
}

function across() {
  return document.querySelector("div.actions input.select-across")?.value === "1"
}

function setAcross(value) {
  for (const input of document.querySelectorAll("div.actions input.select-across")) input.value = value
}

function tick(box, checked) {
  box.checked = checked
  box.closest("tr")?.classList.toggle("selected", checked)
}

function show(wanted) {
  for (const name of ["all", "question", "clear", "action-counter"]) {
    for (const span of document.querySelectorAll(`div.actions span.${name}`)) span.classList.toggle("hidden", !wanted[name])
  }
}

// "Select all 1,234 products" and "Clear selection", where the list has come to have several pages only now.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("div.actions .question a, div.actions .clear a")
  if (!link || known.has(link)) return
  event.preventDefault()
  const asked = link.closest(".question") !== null
  setAcross(asked ? "1" : "0")
  if (!asked) for (const box of boxes) tick(box, false)
  recount()
})
