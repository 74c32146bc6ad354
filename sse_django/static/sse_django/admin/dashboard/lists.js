// Table and log.

import { element, write } from "./dom.js"

const MARKED = 2500 // ms for which a row that has changed is marked

export class TableWidget {
  #body
  #options
  #format
  #rows = new Map() // by key: { row, cells, said }
  #columns = null
  #table
  #tbody
  #empty

  constructor(body, options, format) {
    this.#body = body
    this.#options = options
    this.#format = format
  }

  state(state) {
    this.update(state)
  }

  update({ value: { columns, rows } }) {
    const headings = this.#options.columns ?? columns
    if (!this.#table || String(headings) !== String(this.#columns)) this.#build(headings)
    const first = this.#rows.size === 0 && !this.#tbody.hasChildNodes()
    const seen = new Set()
    const nodes = rows.map(([key, cells]) => {
      let id = key
      while (seen.has(id)) id += " again" // a join has an object twice
      seen.add(id)
      return this.#row(id, key, cells, !first)
    })
    for (const key of this.#rows.keys()) if (!seen.has(key)) this.#rows.delete(key)
    this.#place(nodes)
    const figures = nodes[0] ? [...nodes[0].cells].map((cell) => cell.classList.contains("sse-figure")) : []
    for (const [index, heading] of [...(this.#table.tHead?.rows[0].cells ?? [])].entries()) {
      heading.classList.toggle("sse-figure", figures[index] ?? false)
    }
    this.#empty.hidden = rows.length > 0
    this.#table.hidden = rows.length === 0
  }

  #build(headings) {
    this.#columns = headings
    this.#rows.clear()
    this.#tbody = element("tbody")
    const head = headings ? [element("thead", {}, element("tr", {}, ...headings.map((text) => element("th", { scope: "col", text }))))] : []
    this.#table = element("table", { "aria-label": this.#options.label }, ...head, this.#tbody)
    this.#empty = element("p", { class: "sse-empty", text: this.#format.text("empty") })
    const scroll = element("div", { class: "sse-scroll", tabindex: "0", role: "region", "aria-label": this.#options.label }, this.#table)
    this.#body.replaceChildren(scroll, this.#empty)
  }

  // Rows that stay are not touched: focus in one of them, or a selection, survives.
  #place(nodes) {
    const keep = new Set(nodes)
    for (const node of [...this.#tbody.children]) if (!keep.has(node)) node.remove()
    let next = this.#tbody.firstElementChild
    for (const node of nodes) {
      if (node === next) next = next.nextElementSibling
      else this.#tbody.insertBefore(node, next)
    }
  }

  #row(id, key, cells, mark) {
    const said = JSON.stringify(cells)
    const known = this.#rows.get(id)
    if (known?.said === said) return known.row
    const row = known?.row ?? element("tr")
    const focused = row.contains(document.activeElement)
    row.replaceChildren(...cells.map((cell, index) => this.#cell(cell, index, key)))
    if (focused) row.querySelector("a")?.focus({ preventScroll: true })
    this.#rows.set(id, { row, said })
    if (mark) {
      row.classList.remove("sse-changed")
      void row.offsetWidth // or the animation would not begin anew
      row.classList.add("sse-changed")
      clearTimeout(row.unmark)
      row.unmark = setTimeout(() => row.classList.remove("sse-changed"), MARKED)
    }
    return row
  }

  #cell(value, index, key) {
    const { text, kind, title } = this.#written(value, index === 0)
    const attributes = { class: kind, title }
    if (index > 0) return element("td", { ...attributes, text })
    // A row that is no object of the queryset has a number for a key.
    if (!this.#options.link || key.startsWith("#")) return element("th", { ...attributes, scope: "row", text })
    const href = this.#options.link.replace("__pk__", encodeURI(key))
    return element("th", { ...attributes, scope: "row" }, element("a", { href, text }))
  }

  #written(value, names) {
    if (value === null || value === undefined) return { text: "–", kind: "sse-none" }
    if (typeof value === "boolean") return { text: this.#format.text(value ? "yes" : "no") }
    if (typeof value === "string") return { text: value, title: value.length > 40 ? value : null }
    // What names a row is no amount: 1003, not 1,003.
    if ("number" in value && names) return { text: String(value.number ?? "–") }
    if ("number" in value) return { text: this.#format.number(value.number, { digits: places(value.number) }), kind: "sse-figure" }
    if ("date" in value) return { text: this.#format.date(value.date) }
    return {
      text: this.#format.time(value.time, { dateStyle: "short", timeStyle: "medium" }),
      title: this.#format.time(value.time, { dateStyle: "full", timeStyle: "long" }),
    }
  }
}

// A Decimal comes as text and keeps its places: a price of 8.60 is no 8.6.
function places(number) {
  return typeof number === "string" && /^-?\d+\.\d{1,20}$/.test(number) ? number.split(".")[1].length : null
}

export class LogWidget {
  #body
  #options
  #format
  #list
  #scroll
  #newer

  constructor(body, options, format) {
    this.#body = body
    this.#options = options
    this.#format = format
  }

  state({ lines, value }) {
    this.#build()
    this.#list.replaceChildren()
    this.update({ lines, value })
    this.#toEnd()
  }

  update({ lines, value }) {
    if (!this.#list) this.#build()
    const atEnd = this.#atEnd()
    if (value) this.#list.replaceChildren(...value.map((line) => this.#line(line)))
    else this.#list.append(...lines.map((line) => this.#line(line)))
    while (this.#list.childElementCount > this.#options.lines) this.#list.firstElementChild.remove()
    this.#scroll.toggleAttribute("data-empty", !this.#list.hasChildNodes())
    if (atEnd) this.#toEnd()
    else this.#newer.hidden = false
  }

  #build() {
    this.#list = element("ol")
    const empty = element("p", { class: "sse-empty", text: this.#format.text("empty") })
    // Not live: a screen reader would read out every line. Who wants to read goes there.
    const attributes = { class: "sse-scroll", tabindex: "0", role: "log", "aria-live": "off", "aria-label": this.#options.label }
    this.#scroll = element("div", attributes, this.#list, empty)
    this.#newer = element("button", { type: "button", class: "sse-newer", hidden: true, text: `↓ ${this.#format.text("newer")}` })
    this.#newer.addEventListener("click", () => this.#toEnd())
    this.#scroll.addEventListener("scroll", () => this.#atEnd() && (this.#newer.hidden = true), { passive: true })
    this.#body.replaceChildren(this.#scroll, this.#newer)
  }

  #line({ at, name, text }) {
    const parts = []
    if (at !== null) {
      const machine = new Date(at * 1000).toISOString()
      parts.push(element("time", { datetime: machine, text: this.#format.time(at), title: this.#format.time(at, { dateStyle: "full", timeStyle: "long" }) }))
    }
    if (name) parts.push(element("span", { class: "sse-event", text: name }))
    const said = element("span", { class: "sse-text" })
    write(said, text)
    return element("li", {}, ...parts, said)
  }

  #atEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroll
    return scrollHeight - scrollTop - clientHeight < 24
  }

  #toEnd() {
    this.#scroll.scrollTop = this.#scroll.scrollHeight
    this.#newer.hidden = true
  }
}
