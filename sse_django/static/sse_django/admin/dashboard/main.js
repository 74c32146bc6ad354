// A dashboard's page: one stream, and a widget for each name that it speaks of.

import { connect } from "../../sse.js"
import { TimeSeriesWidget } from "./chart.js"
import { element, write } from "./dom.js"
import { BarWidget, NumberWidget, ProgressWidget } from "./figures.js"
import { Format } from "./format.js"
import { LogWidget, TableWidget } from "./lists.js"

const PATIENCE = 1500 // ms without a line before the page says so: a server that is deployed anew is back by then
const RELOAD = 15_000 // ms within which a page that never fitted doesn't load itself again: two servers may not agree

const AWAY = 60_000 // ms in the background after which a page lets its stream go

const KINDS = {
  number: NumberWidget,
  timeseries: TimeSeriesWidget,
  bar: BarWidget,
  table: TableWidget,
  log: LogWidget,
  progress: ProgressWidget,
}

const root = document.querySelector(".sse-dashboard")
const status = document.querySelector(".sse-status")
const config = JSON.parse(document.getElementById("sse-dashboard-config").textContent)
const format = new Format(config)
const widgets = new Map()
let newest = null // when the newest value came, seconds since 1970
let complaint
let leaving
let away = false
let fits = false // whether the server has once spoken of what this page was made for

for (const section of root.querySelectorAll("[data-widget]")) {
  const options = config.widgets[section.dataset.widget]
  const view = new KINDS[options.kind](section.querySelector(".sse-body"), options, format)
  widgets.set(section.dataset.widget, { section, view, problem: section.querySelector(".sse-problem") })
}

let stream = open()

function open() {
  return connect(new URL(config.events, location.href).href, {
    on: {
      widgets: ({ names, version }) => {
        const known = names.length === widgets.size && names.every((name) => widgets.has(name))
        if (!known || version !== config.version) loadAgain()
        else fits = true
      },
      state: ({ widget, at, problem, state }) => {
        newest = Math.max(newest ?? 0, at ?? 0) || null
        if (state !== null && (at !== null || state.lines || state.times?.length)) widgets.get(widget)?.view.state(state)
        say(widget, problem)
      },
      update: ({ widget, at, update }) => {
        newest = at
        widgets.get(widget)?.view.update(update)
      },
      problem: ({ widget, problem }) => say(widget, problem),
    },
    onState: (state) => {
      clearTimeout(complaint)
      if (away) return undefined
      if (state === "open") return show("live", "live")
      if (state === "closed") return lost()
      if (state === "reconnecting") complaint = setTimeout(() => show("reconnecting", newest ? "lost" : "reconnecting"), PATIENCE)
      return undefined
    },
  })
}

// A tab that nobody has looked at for a while asks nothing of the server: sources rest when all are like that.
document.addEventListener("visibilitychange", () => {
  clearTimeout(leaving)
  if (document.hidden) {
    leaving = setTimeout(() => {
      away = stream.state !== "closed"
      stream.close()
    }, AWAY)
  } else if (away) {
    away = false
    show("connecting", "connecting")
    stream = open()
  }
})

function show(state, text) {
  status.dataset.state = state
  root.toggleAttribute("data-stale", state === "reconnecting" || state === "closed")
  write(status.querySelector(".sse-status-text"), format.text(text, { time: newest ? format.time(newest) : "" }))
}

function lost() {
  show("closed", "closed")
  if (!status.querySelector("a")) status.append(" ", element("a", { href: location.href, text: format.text("reload") }))
}

function say(name, problem) {
  const widget = widgets.get(name)
  if (!widget) return
  widget.problem.hidden = !problem
  widget.section.toggleAttribute("data-problem", Boolean(problem))
  if (!problem) return
  const text = format.text(problem.kind === "timeout" ? "timeout" : "failed")
  write(widget.problem, problem.detail ? `${text} ${problem.detail}` : text)
}

// What may be seen, or what there is, isn't what this page was made for.
function loadAgain() {
  stream.close()
  const last = Number(sessionStorage.getItem("sse-dashboard-reload") ?? 0)
  if (!fits && Date.now() - last < RELOAD) return lost()
  sessionStorage.setItem("sse-dashboard-reload", String(Date.now()))
  location.reload()
  return undefined
}

function repaint() {
  for (const { view } of widgets.values()) view.repaint?.()
}

new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ["data-theme"] })
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint)
