// Number, bar, progress.

import { element, svg, write } from "./dom.js"
import { asNumber } from "./format.js"

export class NumberWidget {
  #body
  #options
  #format
  #value
  #change
  #line
  #area
  #spark
  #points = []

  constructor(body, options, format) {
    this.#body = body
    this.#options = options
    this.#format = format
  }

  state({ times, series }) {
    const values = series[0]?.[1] ?? []
    // The series is that of {"value": …}; a gap is a null between.
    this.#points = times.map((at, index) => [at, asNumber(values[index]), values[index] ?? null])
    this.#draw()
  }

  update({ point: [at, { value }], gap }) {
    if (gap) this.#points.push([at, null, null])
    this.#points.push([at, asNumber(value), value])
    const over = this.#points.length - Math.max(1, this.#options.points)
    if (over > 0) this.#points.splice(0, over)
    this.#draw()
  }

  #draw() {
    if (!this.#points.length) return
    if (!this.#value) this.#build()
    const exact = this.#points.at(-1)[2]
    const short = this.#format.fitted(exact, this.#options)
    const full = this.#format.number(exact, this.#options)
    write(this.#value, short)
    this.#value.style.setProperty("--sse-chars", short.length)
    if (short === full) this.#value.removeAttribute("title")
    else this.#value.title = full
    this.#value.toggleAttribute("data-none", exact === null)
    this.#drawChange()
    this.#drawLine()
  }

  #build() {
    this.#value = element("p", { class: "sse-value" })
    this.#change = element("p", { class: "sse-change" })
    this.#body.replaceChildren(this.#value, this.#change)
    if (this.#options.points > 1) {
      this.#area = svg("path", { class: "sse-spark-area" })
      this.#line = svg("path", { class: "sse-spark-line" })
      this.#spark = svg("svg", { class: "sse-spark", viewBox: "0 0 100 32", preserveAspectRatio: "none", "aria-hidden": "true" }, this.#area, this.#line)
      this.#body.append(this.#spark)
    }
  }

  #drawChange() {
    const known = this.#points.filter(([, value]) => value !== null)
    const [first, last] = [known[0], known.at(-1)]
    if (known.length < 2 || this.#points.at(-1)[1] === null) return write(this.#change, "")
    const change = last[1] - first[1]
    const time = this.#format.duration(last[0] - first[0])
    if (change === 0) return write(this.#change, this.#format.text("unchanged", { time }))
    const written = this.#format.fitted(change, { ...this.#options, sign: true })
    const arrow = change > 0 ? "▲ " : "▼ "
    return write(this.#change, arrow + this.#format.text("since", { change: written, time }))
  }

  #drawLine() {
    if (!this.#spark) return
    const known = this.#points.map(([, value]) => value).filter((value) => value !== null)
    if (known.length < 2) {
      this.#line.removeAttribute("d")
      this.#area.removeAttribute("d")
      return
    }
    const [low, high] = [Math.min(...known), Math.max(...known)]
    const [start, end] = [this.#points[0][0], this.#points.at(-1)[0]]
    const x = (at) => (((at - start) / (end - start || 1)) * 100).toFixed(2)
    const y = (value) => (high === low ? 24 : 29 - ((value - low) / (high - low)) * 26).toFixed(2)
    let line = ""
    let area = ""
    let from = null
    const close = (at) => from !== null && (area += `L${x(at)},32L${x(from)},32Z`)
    let before = null
    for (const [at, value] of this.#points) {
      if (value === null) {
        if (before !== null) close(before)
        from = before = null
        continue
      }
      const place = `${x(at)},${y(value)}`
      line += (from === null ? "M" : "L") + place
      area += (from === null ? "M" : "L") + place
      from ??= at
      before = at
    }
    if (before !== null) close(before)
    this.#line.setAttribute("d", line)
    this.#area.setAttribute("d", area)
  }
}

export class BarWidget {
  #body
  #options
  #format
  #rows = new Map()
  #list = element("ul", { class: "sse-bars" })
  #more = element("p", { class: "sse-more" })

  constructor(body, options, format) {
    this.#body = body
    this.#options = options
    this.#format = format
  }

  state(state) {
    this.update(state)
  }

  update({ value: { bars, more } }) {
    if (!bars.length) {
      this.#body.replaceChildren(element("p", { class: "sse-empty", text: this.#format.text("empty") }))
      return
    }
    if (!this.#list.isConnected) this.#body.replaceChildren(this.#list, this.#more)
    const values = bars.map(([, value]) => asNumber(value) ?? 0)
    const low = Math.min(0, ...values)
    const span = Math.max(0, ...values) - low || 1
    const rows = bars.map(([name, value], index) => {
      const row = this.#row(name)
      write(row.value, this.#format.fitted(value, this.#options))
      row.bar.style.setProperty("--sse-from", `${((Math.min(values[index], 0) - low) / span) * 100}%`)
      row.bar.style.setProperty("--sse-size", `${(Math.abs(values[index]) / span) * 100}%`)
      row.bar.toggleAttribute("data-negative", values[index] < 0)
      return row.item
    })
    const now = [...this.#list.children]
    if (rows.length !== now.length || rows.some((row, index) => row !== now[index])) this.#list.replaceChildren(...rows)
    write(this.#more, more ? this.#format.text("more", { count: this.#format.number(more) }) : "")
    this.#more.hidden = !more
  }

  #row(name) {
    if (!this.#rows.has(name)) {
      const bar = element("span", { class: "sse-bar-fill" })
      const value = element("span", { class: "sse-bar-value" })
      const shown = name === null || name === "" ? this.#format.text("none") : name
      const item = element(
        "li",
        {},
        element("span", { class: "sse-bar-name", text: shown, title: shown }),
        value,
        element("span", { class: "sse-bar-track", "aria-hidden": "true" }, bar),
      )
      this.#rows.set(name, { item, bar, value })
    }
    return this.#rows.get(name)
  }
}

export class ProgressWidget {
  #body
  #format
  #label
  #tasks = new Map()

  constructor(body, options, format) {
    this.#body = body
    this.#format = format
    this.#label = options.label
  }

  state(state) {
    this.update(state)
  }

  update({ value: tasks }) {
    if (!tasks.length) {
      this.#tasks.clear()
      this.#body.replaceChildren(element("p", { class: "sse-empty", text: this.#format.text("idle") }))
      return
    }
    const nodes = tasks.map((task) => this.#task(task))
    const now = [...this.#body.children]
    if (nodes.length !== now.length || nodes.some((node, index) => node !== now[index])) this.#body.replaceChildren(...nodes)
  }

  #task({ name, done, total, fraction: isFraction }) {
    if (!this.#tasks.has(name)) {
      const bar = element("span", { class: "sse-progress-fill" })
      const said = element("span", { class: "sse-progress-said" })
      const track = element("div", { class: "sse-progress-track", role: "progressbar", "aria-label": name || this.#label }, bar)
      const title = element("span", { class: "sse-progress-name", text: name, title: name })
      const node = element("div", { class: "sse-task" }, element("p", {}, title, said), track)
      this.#tasks.set(name, { node, bar, said, track })
    }
    const { node, bar, said, track } = this.#tasks.get(name)
    const [part, whole] = [asNumber(done), isFraction ? 1 : asNumber(total)]
    const known = whole > 0 && part !== null
    const fraction = known ? Math.min(1, Math.max(0, part / whole)) : 0
    const percent = known ? this.#format.number(fraction, { percent: true, digits: 0 }) : ""
    const count = isFraction ? "" : [done, total].filter((one) => one !== null).map((one) => this.#format.number(one)).join(" / ")
    write(said, [count, percent].filter(Boolean).join(" · "))
    track.toggleAttribute("data-unknown", !known)
    bar.style.setProperty("--sse-size", `${fraction * 100}%`)
    if (known) {
      track.setAttribute("aria-valuenow", Math.round(fraction * 100))
      track.setAttribute("aria-valuetext", said.textContent)
    } else {
      track.removeAttribute("aria-valuenow")
      track.removeAttribute("aria-valuetext")
    }
    return node
  }
}
