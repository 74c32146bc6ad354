// A time series: uPlot draws, the legend and the table of values say the same in text, and arrow keys walk along the line.

import { element, write } from "./dom.js"
import { asNumber } from "./format.js"

const LOWEST = 220 // px
const ROWS = 30 // of the table of values
const SLOWLY = 2000 // ms between two of its renewals: somebody is reading
const COLORS = 6 // --sse-color-1 to -6

export class TimeSeriesWidget {
  #body
  #options
  #format
  #times = []
  #series = new Map() // name -> values
  #exact = new Map() // name -> the newest value as it came
  #chart = null
  #drawn = "" // the names that the chart was made for
  #parts = null
  #index = null // where the reader is, by pointer or keys; null is the newest
  #dirty = false
  #tableAt = 0

  constructor(body, options, format) {
    this.#body = body
    this.#options = options
    this.#format = format
    document.addEventListener("visibilitychange", () => !document.hidden && this.#dirty && this.#draw())
  }

  state({ times, series }) {
    this.#times = [...times]
    this.#series = new Map(series.map(([name, values]) => [name, values.map(asNumber)]))
    this.#exact = new Map(series.map(([name, values]) => [name, values.at(-1) ?? null]))
    this.#draw()
  }

  update({ point: [at, values], gap }) {
    if (gap) this.#push((this.#times.at(-1) + at) / 2, {})
    this.#push(at, values)
    for (const name of this.#series.keys()) this.#exact.set(name, values[name] ?? null)
    this.#draw()
  }

  // The theme has changed: the canvas knows no CSS.
  repaint() {
    this.#chart?.destroy()
    this.#chart = null
    this.#draw()
  }

  #push(at, values) {
    for (const name of Object.keys(values)) {
      if (!this.#series.has(name)) this.#series.set(name, this.#times.map(() => null))
    }
    this.#times.push(at)
    for (const [name, known] of this.#series) known.push(asNumber(values[name]))
    let over = Math.max(0, this.#times.length - this.#options.points)
    while (this.#times[over] < at - this.#options.window) over += 1
    if (!over) return
    this.#times.splice(0, over)
    if (this.#index !== null) this.#index = Math.max(0, this.#index - over)
    for (const known of this.#series.values()) known.splice(0, over)
  }

  #draw() {
    this.#dirty = document.hidden
    if (document.hidden) return
    if (!this.#parts) this.#build()
    const { figure, note } = this.#parts
    const enough = this.#times.length > 1
    note.hidden = enough
    figure.hidden = !enough
    if (enough) {
      const names = JSON.stringify([...this.#series.keys()])
      if (!this.#chart || names !== this.#drawn) this.#plot(names)
      else this.#chart.setData(this.#data())
    }
    this.#drawLegend()
    this.#drawTable()
  }

  #build() {
    const hint = `sse-${Math.random().toString(36).slice(2)}`
    const canvas = element("div", { class: "sse-chart" })
    const said = element("p", { class: "visually-hidden", "aria-live": "polite" })
    const summary = element("p", { class: "visually-hidden", id: hint })
    const figure = element("div", { class: "sse-figure", tabindex: "0", role: "group", "aria-label": this.#options.label, "aria-describedby": hint }, canvas, summary, said)
    figure.addEventListener("keydown", (event) => this.#key(event))
    figure.addEventListener("blur", () => this.#leave())
    const note = element("p", { class: "sse-empty", text: this.#format.text("collecting") })
    const legend = element("ul", { class: "sse-legend" })
    const tbody = element("tbody")
    const thead = element("thead")
    const table = element("div", { class: "sse-scroll" }, element("table", {}, thead, tbody))
    const details = element("details", { class: "sse-values" }, element("summary", { text: this.#format.text("values") }), table)
    details.addEventListener("toggle", () => {
      this.#tableAt = 0
      this.#drawTable()
    })
    this.#parts = { figure, canvas, note, legend, details, thead, tbody, said, summary }
    this.#body.replaceChildren(legend, figure, note, details)
    new ResizeObserver(() => this.#resize()).observe(canvas)
  }

  #resize() {
    const { width, height } = this.#size()
    if (this.#chart && width > 0 && (width !== this.#chart.width || height !== this.#chart.height)) {
      this.#chart.setSize({ width, height })
    }
  }

  // As high as its card: others in the row may be higher. The drawing itself takes no part in the layout.
  #size() {
    const { clientWidth, clientHeight } = this.#parts.canvas
    return { width: Math.floor(clientWidth), height: Math.max(LOWEST, Math.floor(clientHeight)) }
  }

  #data() {
    return [this.#times, ...this.#series.values()]
  }

  #plot(names) {
    this.#chart?.destroy()
    this.#drawn = names
    const style = getComputedStyle(this.#parts.figure)
    const color = (name) => style.getPropertyValue(name).trim()
    const [quiet, hairline] = [color("--body-quiet-color"), color("--sse-grid-line")]
    const font = `12px ${style.fontFamily}`
    const axis = { stroke: quiet, font, ticks: { show: false }, grid: { stroke: hairline, width: 1 } }
    const lines = [...this.#series.keys()].map((name, index) => {
      const stroke = color(`--sse-color-${(index % COLORS) + 1}`)
      return {
        label: name,
        stroke,
        width: 2,
        dash: index >= COLORS ? [6, 4] : undefined,
        fill: this.#series.size === 1 ? (u) => shade(u, stroke) : undefined,
        points: { show: false },
        spanGaps: false,
      }
    })
    const options = {
      ...this.#size(),
      legend: { show: false },
      padding: [8, 36, 0, 0],
      tzDate: (at) => window.uPlot.tzDate(new Date(at * 1000), this.#format.timeZone),
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 8 } },
      scales: { x: { time: true }, y: { range: (u, low, high) => around(low, high) } },
      axes: [
        { ...axis, grid: { show: false }, size: 36, gap: 10, space: 80, values: (u, splits) => this.#clock(splits) },
        { ...axis, space: 36, size: (u, values) => widest(values), values: (u, splits) => this.#scale(splits) },
      ],
      series: [{}, ...lines],
      hooks: { setCursor: [(u) => this.#pointed(u)] },
    }
    this.#parts.canvas.replaceChildren()
    this.#chart = new window.uPlot(options, this.#data(), this.#parts.canvas)
    // The drawing is for those who see it; the legend and the table are for everybody.
    this.#chart.root.setAttribute("aria-hidden", "true")
  }

  #clock(splits) {
    const span = this.#times.at(-1) - this.#times[0]
    const options = span > 86400 * 2 ? { dateStyle: "short" } : { timeStyle: span < 600 ? "medium" : "short" }
    return splits.map((at) => this.#format.time(at, options))
  }

  #scale(splits) {
    const compact = Math.max(...splits.map(Math.abs)) >= 100_000
    const step = splits.length > 1 ? splits[1] - splits[0] : 1
    const digits = compact ? null : places(this.#options.percent ? step * 100 : step)
    return splits.map((value) => this.#format.number(value, { ...this.#options, unit: "", digits, compact: compact ? "compact" : null }))
  }

  #drawLegend() {
    const { legend, summary } = this.#parts
    const at = this.#index === null ? this.#times.length - 1 : this.#index
    let item = legend.firstElementChild
    let index = 0
    for (const [name, values] of this.#series) {
      if (!item) {
        item = element("li", {}, element("span", { class: "sse-swatch", "aria-hidden": "true" }), element("span", { class: "sse-legend-name" }), element("strong"))
        item.firstElementChild.dataset.color = (index % COLORS) + 1
        legend.append(item)
      }
      const value = this.#index === null ? this.#exact.get(name) : values[at]
      write(item.children[1], name)
      write(item.children[2], this.#format.fitted(value ?? null, this.#options))
      item = item.nextElementSibling
      index += 1
    }
    while (item) {
      const next = item.nextElementSibling
      item.remove()
      item = next
    }
    if (this.#times.length) {
      let when = legend.nextElementSibling?.matches(".sse-when") ? legend.nextElementSibling : null
      if (!when) legend.after((when = element("p", { class: "sse-when" })))
      write(when, this.#index === null ? "" : this.#format.time(this.#times[at]))
      const span = this.#times.at(-1) - this.#times[0]
      if (document.activeElement !== this.#parts.figure) write(summary, this.#format.duration(span))
    }
  }

  #drawTable() {
    const { details, thead, tbody } = this.#parts
    if (!details.open || Date.now() - this.#tableAt < SLOWLY) return
    this.#tableAt = Date.now()
    const names = [...this.#series.keys()]
    const headings = [this.#format.text("time"), ...names.map((name) => name || this.#format.text("value"))]
    thead.replaceChildren(element("tr", {}, ...headings.map((text) => element("th", { scope: "col", text }))))
    const rows = []
    for (let index = this.#times.length - 1; index >= 0 && rows.length < ROWS; index -= 1) {
      const cells = names.map((name) => element("td", { class: "sse-figure", text: this.#format.number(this.#series.get(name)[index], this.#options) }))
      rows.push(element("tr", {}, element("th", { scope: "row", text: this.#format.time(this.#times[index]) }), ...cells))
    }
    tbody.replaceChildren(...rows)
  }

  #pointed(u) {
    const index = u.cursor.left < 0 ? null : u.cursor.idx
    if (index === this.#index) return
    this.#index = index
    this.#drawLegend()
  }

  #key(event) {
    const last = this.#times.length - 1
    const now = this.#index ?? last
    const to = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last, PageUp: now - 10, PageDown: now + 10 }[event.key]
    if (event.key === "Escape") return this.#leave()
    if (to === undefined || !this.#chart || event.altKey || event.ctrlKey || event.metaKey) return undefined
    event.preventDefault()
    const index = Math.min(last, Math.max(0, to))
    this.#chart.setCursor({ left: this.#chart.valToPos(this.#times[index], "x"), top: 0 })
    this.#index = index
    this.#drawLegend()
    const values = [...this.#series].map(([name, known]) => `${name} ${this.#format.number(known[index], this.#options)}`.trim())
    write(this.#parts.said, `${this.#format.time(this.#times[index])}: ${values.join(", ")}`)
    return undefined
  }

  #leave() {
    this.#chart?.setCursor({ left: -10, top: -10 })
    this.#index = null
    this.#drawLegend()
  }
}

function shade(u, color) {
  const gradient = u.ctx.createLinearGradient(0, u.bbox.top, 0, u.bbox.top + u.bbox.height)
  gradient.addColorStop(0, `color-mix(in srgb, ${color} 28%, transparent)`)
  gradient.addColorStop(1, `color-mix(in srgb, ${color} 2%, transparent)`)
  return gradient
}

// From zero where that doesn't flatten the line; a line that stands still stands in the middle.
function around(low, high) {
  if (low === null || high === null) return [0, 1]
  if (low === high) return low === 0 ? [0, 1] : [Math.min(0, low * 2), Math.max(0, high * 2)]
  const room = (high - low) * 0.1
  const bottom = low >= 0 && low < (high - low) * 2 ? 0 : low - room
  return [bottom, high <= 0 && -high < (high - low) * 2 ? 0 : high + room]
}

// The decimal places that a step between two labels has: 0.25 has two.
function places(step) {
  for (let digits = 0; digits < 10; digits += 1) {
    const scaled = step * 10 ** digits
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 * Math.max(1, scaled)) return digits
  }
  return 10
}

function widest(values) {
  const longest = Math.max(0, ...(values ?? []).map((text) => text.length))
  return 18 + 7 * longest
}
