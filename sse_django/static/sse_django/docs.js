// The page of one stream: opens it, shows each thing that comes, and cuts the line to show how it goes on.
//
// By fetch, and not by sse.js or EventSource: this page also shows what those keep to themselves, comments and fields that
// fire nothing.

const USUAL_RETRY = 3000 // ms; what a browser waits where the server doesn't say
const MOST_SHOWN = 300
const WORDS = {
  closed: "Closed", connecting: "Connecting", open: "Open", waiting: "Coming back", ended: "Ended", refused: "Refused",
}

const form = document.querySelector(".request")
const log = document.querySelector(".log")
const state = document.querySelector(".state")
const lastId = form.querySelector(".last-id")
const buttons = Object.fromEntries(["open", "cut", "stop", "clear"].map((name) => [name, form.querySelector(`.${name}`)]))
const counts = { events: 0, pings: 0 }

let line = null // the AbortController of what is open
let timer = 0 // until it comes back
let retry = USUAL_RETRY

// --- the request, as the form has it

function request() {
  const { method, url } = form.dataset
  const query = new URLSearchParams()
  let path = url.split("#")[0]
  for (const input of form.querySelectorAll("[data-place]")) {
    if (input.dataset.place === "path") {
      // A slash is what a path converter lets through; nothing else is lost by leaving it.
      path = path.replaceAll(`{${input.name}}`, encodeURIComponent(input.value).replaceAll("%2F", "/"))
    } else if (input.value !== "") {
      query.append(input.name, input.value)
    }
  }
  const body = form.querySelector(".body")?.value
  const headers = { Accept: "text/event-stream" }
  if (lastId.value !== "") headers["Last-Event-ID"] = utf8(lastId.value)
  if (body !== undefined && body.trim() !== "") headers["Content-Type"] = "application/json"
  return { url: query.size ? `${path}?${query}` : path, method, headers, body: body?.trim() ? body : undefined }
}

// Header values are bytes to fetch, written as characters up to 255.
function utf8(text) {
  return String.fromCharCode(...new TextEncoder().encode(text))
}

function curl() {
  const { url, method, headers, body } = request()
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`
  const parts = ["curl -N"]
  if (method !== "GET") parts.push(`-X ${method}`)
  if (lastId.value !== "") parts.push(`-H ${quoted(`Last-Event-ID: ${lastId.value}`)}`)
  if (body !== undefined) parts.push(`-H 'Content-Type: ${headers["Content-Type"]}' -d ${quoted(body)}`)
  document.querySelector(".curl").textContent = [...parts, quoted(new URL(url, location.href).href)].join(" \\\n  ")
}

// --- the line

async function open() {
  clearTimeout(timer)
  line?.abort()
  const mine = (line = new AbortController())
  const { url, headers, ...rest } = request()
  const token = form.querySelector("[name=csrfmiddlewaretoken]")?.value
  if (rest.method !== "GET" && token) headers["X-CSRFToken"] = token
  show("connecting")
  note(headers["Last-Event-ID"] === undefined ? "Asks for the stream" : `Asks for what came after ${lastId.value}`)
  try {
    const response = await fetch(url, { ...rest, headers, signal: mine.signal, cache: "no-store" })
    if (!(await isStream(response))) return
    show("open")
    await read(response.body, mine)
    if (line === mine) {
      show("ended", "The server ended the stream. EventSource would come back, with the last id. Open does that too.")
    }
  } catch (error) {
    if (line === mine) show("refused", `The line broke: ${error.message}`)
  }
}

async function isStream(response) {
  if (response.status === 204) {
    show("ended", "204: nothing comes after that id, and EventSource would stay away. Without the id it begins anew.")
    return false
  }
  const type = response.headers.get("Content-Type") ?? ""
  if (response.ok && type.startsWith("text/event-stream") && !response.redirected) return true
  const text = type.includes("json") || type.startsWith("text/plain") ? `: ${(await response.text()).slice(0, 2000)}` : ""
  const where = response.redirected ? `, at ${new URL(response.url).pathname}` : ""
  show("refused", `${response.status} ${response.statusText}${where}${text}`)
  return false
}

async function read(body, mine) {
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let rest = ""
  for (;;) {
    const { done, value } = await reader.read()
    if (done || line !== mine) return
    rest += decoder.decode(value, { stream: true })
    // A CR at the end may be half of a CRLF.
    const cut = rest.endsWith("\r") ? rest.length - 1 : rest.length
    const blocks = rest.slice(0, cut).replace(/\r\n?/g, "\n").split("\n\n")
    rest = blocks.pop() + rest.slice(cut)
    for (const block of blocks) take(block)
  }
}

function take(block) {
  const event = { comments: [], data: [] }
  for (const text of block.split("\n")) {
    const [, field, value] = /^([^:]*):? ?([^]*)$/.exec(text)
    if (field === "" && text !== "") event.comments.push(value)
    else if (field === "data") event.data.push(value)
    else if (["event", "id", "retry"].includes(field)) event[field] = value
  }
  if (event.id !== undefined && !event.id.includes("\0")) lastId.value = event.id
  if (/^\d+$/.test(event.retry ?? "")) {
    retry = Number(event.retry)
    document.querySelector(".retry").textContent = seconds(retry)
  }
  const fires = event.data.length > 0
  counts.events += fires
  counts.pings += !fires && event.comments.includes("ping")
  entry(fires ? "event" : "quiet", named(event, fires), event)
}

function named(event, fires) {
  if (fires) return event.event || "message"
  if (event.comments.includes("ping")) return "ping"
  if (event.comments.length) return "comment"
  return event.id !== undefined ? "id alone" : event.retry !== undefined ? "retry alone" : "nothing"
}

function cut() {
  if (!line) return
  line.abort()
  line = null
  show("waiting", `The line is cut. Back in ${seconds(retry)}${lastId.value === "" ? ", without an id" : ` with ${lastId.value}`}.`)
  timer = setTimeout(open, retry)
}

function stop() {
  clearTimeout(timer)
  line?.abort()
  line = null
  show("closed", "Stopped")
}

// --- what is seen

function show(name, words) {
  state.dataset.state = name
  state.querySelector(".word").textContent = WORDS[name]
  const going = ["connecting", "open", "waiting"].includes(name)
  if (name === "ended" || name === "refused") line = null
  usable(buttons.cut, name === "open")
  usable(buttons.stop, going)
  if (words) note(words)
}

// A button that is disabled loses the focus; one that says so keeps it.
function usable(button, can) {
  button.setAttribute("aria-disabled", String(!can))
}

function note(words) {
  entry("note", words, {})
}

let waiting = []

function entry(kind, name, event) {
  waiting.push({ kind, name, event, at: new Date() })
  if (waiting.length === 1) requestAnimationFrame(flush)
  else if (waiting.length > 2 * MOST_SHOWN) waiting.splice(0, waiting.length - MOST_SHOWN) // a page in the background
}

function flush() {
  const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 8
  for (const one of waiting.slice(-MOST_SHOWN)) {
    if (!isPing(one) || !another(log.lastElementChild, one)) log.append(item(one))
  }
  waiting = []
  while (log.childElementCount > MOST_SHOWN) log.firstElementChild.remove()
  if (atEnd) log.scrollTop = log.scrollHeight
  for (const [name, count] of Object.entries(counts)) document.querySelector(`.numbers .${name}`).textContent = count
  curl()
}

function isPing({ name, event }) {
  return name === "ping" && event.id === undefined
}

// Silence is long: a ping that follows a ping is a number on it.
function another(last, { at }) {
  if (!last?.dataset.pings) return false
  last.dataset.pings = Number(last.dataset.pings) + 1
  last.querySelector(".time").textContent = clock(at)
  last.querySelector(".name").textContent = `ping \u00d7 ${last.dataset.pings}`
  return true
}

function clock(at) {
  return at.toTimeString().slice(0, 8)
}

function item({ kind, name, event, at }) {
  const made = document.createElement("li")
  made.className = kind
  if (name === "stream-reset" || name === "stream-error") made.classList.add("ours")
  if (isPing({ name, event })) made.dataset.pings = 1
  add(made, "time", clock(at))
  add(made, "name", name)
  if (event.id !== undefined) add(made, "field", `id ${event.id}`)
  if (event.retry !== undefined) add(made, "field", `retry ${event.retry}`)
  for (const comment of event.comments ?? []) if (comment !== "ping" && comment !== "") add(made, "field", `: ${comment}`)
  if (event.data?.length) add(made, "data", event.data.join("\n"))
  return made
}

function add(parent, className, text) {
  const part = document.createElement("span")
  part.className = className
  part.textContent = text
  parent.append(part)
}

function seconds(milliseconds) {
  return `${milliseconds / 1000} s`
}

form.addEventListener("submit", (event) => {
  event.preventDefault()
  open()
})
form.addEventListener("input", curl)
buttons.cut.addEventListener("click", cut)
buttons.stop.addEventListener("click", () => (line || state.dataset.state === "waiting") && stop())
buttons.clear.addEventListener("click", () => {
  log.replaceChildren()
  counts.events = counts.pings = 0
  if (!line) lastId.value = ""
  requestAnimationFrame(flush)
})
curl()
