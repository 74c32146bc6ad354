// Server-Sent Events over fetch: connect(url, options) and <event-stream src>. One file, no dependencies, no build step.
//
// fetch rather than EventSource: it can POST, send Last-Event-ID on its first connection, see a status, and notice a line that
// has gone silent. The price is that the format (HTML, section 9.2.6) and coming back (9.2.3) are done here. See sse.d.ts for
// the types and docs/howto/browser.md for the rest.

const SILENCE = 45_000 // ms without a byte after which a line is dead: three pings of the server
const FIRST_WAIT = 1_000 // ms; the wait before a reconnection is a random part of this, doubled with each failure
const LONGEST_WAIT = 30_000 // ms
const PROVEN = 5_000 // ms after which an open line counts as one that works, though no event came
const TURNED_AWAY = new Set([401, 403]) // what a fresh URL may heal
const NOT_NOW = new Set([408, 429]) // the only 4xx that are worth asking again
const MOST_EARLY = 1_000 // blocks that a tab remembers until it is level with the others
const OURS = new Set(["stream-reset", "stream-error"])

const CURSOR = /^([0-9a-z]{1,32})-([0-9]{1,19})-([0-9a-f]{0,16})$/ // sse_django/backends/cursor.py

const LINE_END = /\r\n?|\n/g

// Bytes cut anywhere, to blocks { id, marked, name, raw }. `marked` says that the block has an id of its own; a name of null,
// that it has no data: a cursor, and nothing to be told about.
export class EventParser {
  #decoder = new TextDecoder() // strips one byte order mark, and keeps the start of a character for the next chunk
  #rest = "" // a line that has not ended
  #afterCR = false
  #data = null
  #name = ""
  #id
  #marked = false

  constructor({ id = "", block, retry = () => {} }) {
    this.#id = id
    this.block = block
    this.retry = retry
  }

  feed(bytes) {
    let text = this.#decoder.decode(bytes, { stream: true })
    if (text === "") return
    // A CR ends its line at once, whatever comes; the LF that may follow, perhaps a chunk later, ends none.
    if (this.#afterCR && text[0] === "\n") text = text.slice(1)
    this.#afterCR = text.endsWith("\r")
    let from = 0
    // What is unfinished is only ever appended to, and never looked through again. (Nothing that is called here feeds a parser,
    // so the one expression can be everybody's.)
    LINE_END.lastIndex = 0
    for (let end = LINE_END.exec(text); end !== null; end = LINE_END.exec(text)) {
      const line = this.#rest + text.slice(from, end.index)
      this.#rest = ""
      from = LINE_END.lastIndex
      this.#line(line)
      LINE_END.lastIndex = from
    }
    this.#rest += text.slice(from)
  }

  #line(line) {
    if (line === "") return this.#blank()
    const colon = line.indexOf(":")
    if (colon === 0) return // a comment, such as a ping
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1))
    if (field === "data") (this.#data ??= []).push(value)
    else if (field === "event") this.#name = value
    else if (field === "retry" && /^[0-9]+$/.test(value)) this.retry(Number(value))
    else if (field === "id" && !value.includes("\0")) {
      this.#id = value
      this.#marked = true
    }
  }

  #blank() {
    const [data, marked, name] = [this.#data, this.#marked, this.#name]
    this.#data = null
    this.#marked = false
    this.#name = ""
    if (data) this.block({ id: this.#id, marked, name: name || "message", raw: data.join("\n") })
    else if (marked) this.block({ id: this.#id, marked, name: null, raw: "" })
  }
}

// One connection that comes back: fetch, read, wait, again.
//
// The sink hears block(block), beat() for bytes that were no block, and state(state, why). `why` goes with "closed", which only
// the server brings about here, and is { reason, status?, error? }.
class Line {
  #options
  #sink
  #url
  #attempt = null // the AbortController of the fetch that is open
  #endWait = null // cuts the pause between two of them short
  #heard = 0 // when the last byte came
  #failures = 0
  #retry = 0 // ms, what the server asked for
  #told = false // whether the pause is the part of it that the server asked for
  #running = 0 // counts starts; 0 is stopped
  #starts = 0
  #hurry = false // there is reason to believe that another attempt will do better
  #renewed = false // the URL is a fresh one that has not worked yet
  #known = false

  constructor(url, options, sink) {
    this.#url = url
    this.#options = options
    this.#sink = sink
  }

  get running() {
    return this.#running !== 0
  }

  start(id) {
    if (this.#running) return
    this.id = id
    this.#run((this.#running = ++this.#starts))
  }

  stop() {
    this.#running = 0
    this.#attempt?.abort()
    this.#attempt = null
    this.#endWait?.()
  }

  // The page or the network is back: don't sit out a pause, but for what the server has asked for. A line that is open may be
  // dead without knowing: `doubt` says that it is not to be trusted.
  wake(doubt) {
    const { reconnect, silence } = this.#options
    if (this.#endWait) {
      this.#hurry = true
      if (!this.#told) this.#endWait()
    } else if (this.#attempt && reconnect && (doubt || (silence > 0 && Date.now() - this.#heard > silence))) {
      this.#hurry = true
      this.#attempt.abort()
    }
  }

  async #run(turn) {
    for (;;) {
      this.#sink.state(this.#known ? "reconnecting" : "connecting")
      this.#known = true
      if (this.#running !== turn) return
      const outcome = await this.#try(turn)
      if (this.#running !== turn) return
      const { end, again = false, after = 0 } = outcome
      if (end || !this.#options.reconnect) {
        this.#running = 0
        this.#sink.state("closed", end ?? { reason: "lost", error: outcome.error })
        return
      }
      if (again || this.#hurry) continue
      this.#sink.state("reconnecting")
      const atMost = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures++)
      await this.#wait(Math.max(after, this.#retry), true)
      if (this.#running === turn && !this.#hurry) await this.#wait(Math.random() * atMost)
      if (this.#running !== turn) return
    }
  }

  // One connection, from request to end: { end } is for good, { again } at once, { after } no sooner than that many ms.
  async #try(turn) {
    const attempt = (this.#attempt = new AbortController())
    this.#heard = Date.now()
    this.#hurry = false
    const watchdog = this.#watch(attempt)
    const mine = () => this.#attempt === attempt
    try {
      const response = await fetch(this.#url, await this.#request(attempt.signal))
      if (!mine()) return {}
      const verdict = await this.#judge(response, attempt)
      if (verdict) return verdict
      await this.#read(response, mine)
      return this.#options.reconnect ? {} : { end: { reason: "done" } }
    } catch (error) {
      return { error } // no network, a connection that broke, or one that we gave up
    } finally {
      clearInterval(watchdog)
      attempt.abort()
      if (mine()) this.#attempt = null
    }
  }

  async #request(signal) {
    const { method, body, headers, credentials } = this.#options
    const all = new Headers(typeof headers === "function" ? await headers() : headers)
    all.set("Accept", "text/event-stream")
    if (this.id !== "") all.set("Last-Event-ID", utf8(this.id))
    let content = body
    if (isJSON(body)) {
      content = JSON.stringify(body)
      if (!all.has("Content-Type")) all.set("Content-Type", "application/json")
    }
    return { method, body: content, headers: all, credentials, signal, cache: "no-store" }
  }

  async #judge(response, attempt) {
    const { status } = response
    if (status === 200) {
      const type = response.headers.get("Content-Type") ?? ""
      return /^text\/event-stream\s*(;|$)/i.test(type) ? null : { end: { reason: "type", status } }
    }
    if (status === 204) return { end: { reason: "done", status } }
    if (TURNED_AWAY.has(status) && this.#options.refreshUrl && !this.#renewed) return this.#renew(attempt)
    if (status >= 500 || NOT_NOW.has(status)) return { after: seconds(response.headers.get("Retry-After")) }
    return { end: { reason: "status", status } }
  }

  async #renew(attempt) {
    const response = await fetch(this.#options.refreshUrl, {
      headers: { Accept: "application/json" },
      credentials: this.#options.credentials,
      signal: attempt.signal,
      cache: "no-store",
    })
    const { status } = response
    if (status >= 500 || NOT_NOW.has(status)) return { after: seconds(response.headers.get("Retry-After")) }
    const fresh = response.ok ? await response.json().catch(() => null) : null
    if (typeof fresh?.url !== "string") return { end: { reason: "status", status } }
    this.#url = new URL(fresh.url, response.url).href
    this.#renewed = true // a fresh one that is refused as well is no reason to ask for ever
    return { again: true }
  }

  async #read(response, mine) {
    const opened = Date.now()
    let blocks = 0
    const parser = new EventParser({
      id: this.id,
      retry: (ms) => (this.#retry = ms),
      block: (block) => {
        if (!mine()) return // stopped by what was told a moment ago; the rest of the chunk is nobody's
        blocks += 1
        this.id = block.id
        if (block.name !== null && !OURS.has(block.name)) this.#failures = 0
        this.#sink.block(block)
      },
    })
    this.#retry = 0
    this.#renewed = false
    this.#sink.state("open")
    const reader = response.body.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done || !mine()) break
      this.#heard = Date.now()
      blocks = 0
      parser.feed(value)
      if (blocks === 0 && mine()) this.#sink.beat()
    }
    if (Date.now() - opened > PROVEN) this.#failures = 0
  }

  #watch(attempt) {
    const { silence } = this.#options
    if (!(silence > 0 && silence < Infinity)) return undefined
    // By the clock, not by one long timer: a laptop that slept should know when it wakes.
    return setInterval(() => Date.now() - this.#heard > silence && attempt.abort(), Math.min(silence / 4, 5_000))
  }

  #wait(ms, told = false) {
    this.#told = told
    if (ms === 0) return undefined
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.min(ms, 2 ** 31 - 1))
      this.#endWait = () => {
        clearTimeout(timer)
        resolve()
      }
    }).finally(() => (this.#endWait = null))
  }
}

// One connection for all tabs of a browser that follow the same stream.
//
// Every tab begins on a line of its own, which the server judges as it would any: refusals, resets, what was missed. The tab that
// holds the lock leads: it tells the others, over a BroadcastChannel, each block of its line. A tab that is level with the leader
// gives its own line up; one that falls behind (another leader, who had seen less or more) takes one again until it is level.
//
// Level is a question of ids. Those of sse_django's log have an order within an epoch; others can only be equal. A stream
// without ids is never level, so each tab keeps its line.
class Shared {
  #key
  #line
  #sink
  #silence
  #me = Math.random().toString(36).slice(2)
  #id = "" // the last one told to our page
  #channel = null
  #turn = null // our place in the queue for the lock, or our hold on it
  #letGo = () => {}
  #leads = false
  #leader = null // { from, id, state }: who it is, where it was when we heard of it, how its line is
  #level = false
  #early = [] // what the leader has told since, while we aren't level
  #heard = 0
  #watchdog

  constructor(url, options, sink) {
    this.#key = `sse_django ${typeof options.share === "string" ? options.share : groupOf(url)}`
    this.#silence = options.silence
    this.#sink = sink
    this.#line = new Line(url, options, {
      block: (block) => this.#own(block),
      beat: () => this.#leads && this.#post({ kind: "beat" }),
      state: (state, why) => this.#ownState(state, why),
    })
  }

  start(id) {
    if (this.#channel) return
    this.#id = id
    this.#channel = new BroadcastChannel(this.#key)
    this.#channel.onmessage = ({ data }) => this.#hear(data)
    if (this.#silence > 0 && this.#silence < Infinity) {
      this.#watchdog = setInterval(() => this.#look(), Math.min(this.#silence / 4, 5_000))
    }
    this.#line.start(id)
    this.#post({ kind: "hello" })
    this.#queue({})
  }

  stop() {
    this.#turn = null
    this.#letGo()
    this.#channel?.close()
    this.#channel = null
    clearInterval(this.#watchdog)
    this.#leads = this.#level = false
    this.#leader = null
    this.#early = []
    this.#line.stop()
  }

  wake(doubt) {
    this.#look()
    if (this.#line.running) this.#line.wake(doubt)
  }

  #queue({ steal = false }) {
    const turn = (this.#turn = {})
    this.#letGo()
    const waiting = new AbortController()
    const held = new Promise((resolve) => {
      this.#letGo = () => {
        waiting.abort()
        resolve()
      }
    })
    navigator.locks
      .request(this.#key, steal ? { steal } : { signal: waiting.signal }, () => {
        if (this.#turn !== turn) return undefined
        this.#lead()
        return held
      })
      .catch((error) => {
        // Stolen from us, by a tab that had not heard from us. (Anything else: no locks here, and our own line will do.)
        if (this.#turn !== turn || error.name !== "AbortError") return
        this.#leads = false
        this.#post({ kind: "hello" })
        this.#queue({})
      })
  }

  #lead() {
    this.#leads = true
    this.#level = false
    this.#leader = null
    this.#early = []
    this.#line.start(this.#id)
    this.#here()
  }

  #here() {
    this.#post({ kind: "here", id: this.#id, state: this.state })
  }

  #post(message) {
    this.#channel?.postMessage({ ...message, from: this.#me })
  }

  #hear(message) {
    if (message.kind === "hello") {
      if (this.#leads) this.#here()
      return
    }
    if (this.#leads) return // from one that has been replaced, and has not noticed
    const known = this.#leader?.from === message.from
    if (message.kind === "here" && !(known && this.#level)) {
      this.#leader = message
      this.#level = false
      this.#early = []
      this.#heard = Date.now()
      if (!this.#align()) this.#line.start(this.#id)
      return
    }
    if (!known) return
    this.#heard = Date.now()
    if (message.kind === "state") {
      this.#leader.state = message.state
      if (this.#level) this.#sink.state(message.state)
    } else if (message.kind === "block") {
      this.#told(message.block)
    }
  }

  #told(block) {
    if (this.#level) {
      // A new leader that had seen less than we begins with what we have had. A reset is news whatever its id.
      if (!block.marked || OURS.has(block.name) || !(order(block.id, this.#id) <= 0)) this.#tell(block)
      return
    }
    if (this.#leader.id === "" && block.marked) {
      this.#leader.id = block.id // its line had said nothing yet: here it begins
      this.#early = []
    } else {
      this.#early.push(block)
    }
    if (!this.#align() && this.#early.length > MOST_EARLY) this.#post({ kind: "hello" }) // where it is by now will do
  }

  // Goes over to the leader if what it will tell, and what it has told since we know it, goes on from where we are.
  #align() {
    if (this.#id === "" || this.#leader.id === "") return false
    let early = this.#early
    if (this.#id !== this.#leader.id && !(order(this.#id, this.#leader.id) >= 0)) {
      const at = early.findLastIndex((block) => block.id === this.#id)
      if (at < 0) return false
      early = early.slice(at + 1)
    }
    this.#level = true
    this.#early = []
    this.#line.stop()
    this.#sink.state(this.#leader.state)
    for (const block of early) if (!(order(block.id, this.#id) <= 0)) this.#tell(block)
    return true
  }

  #own(block) {
    this.#tell(block)
    if (this.#leads) this.#post({ kind: "block", block })
    else if (this.#leader) this.#align()
  }

  #ownState(state, why) {
    this.state = state
    if (this.#leads && state !== "closed") this.#post({ kind: "state", state })
    this.#sink.state(state, why)
  }

  #tell(block) {
    if (block.marked) this.#id = block.id
    this.#sink.block({ ...block, id: this.#id })
  }

  // A leader that says nothing, not even that it waits, is frozen, or a browser's bug. The lock is taken from it.
  #look() {
    if (!this.#level || Date.now() - this.#heard <= this.#silence) return
    this.#level = false
    this.#leader = null
    this.#line.start(this.#id)
    this.#queue({ steal: true })
  }
}

// Below 0, 0 or above as with sort(), or NaN where there is no order: ids of other streams, or of another epoch.
function order(a, b) {
  const [one, other] = [CURSOR.exec(a), CURSOR.exec(b)]
  if (!one || !other || one[1] !== other[1]) return NaN
  const [x, y] = [BigInt(one[2]), BigInt(other[2])]
  return x < y ? -1 : x > y ? 1 : one[3] === other[3] ? 0 : NaN
}

// What tabs must have in common to share. Not where they begin: a signed URL ({% sse_url %}) holds [channels, user, backend,
// cursor, expiry], and two pages differ in the last two.
function groupOf(href) {
  const url = new URL(href)
  url.hash = ""
  url.searchParams.delete("last_event_id")
  const [whole, token] = /([\w-]+)\.[\w-]+\/?$/.exec(url.pathname) ?? []
  if (token === undefined) return url.href
  try {
    const grant = JSON.parse(atob(token.replaceAll("-", "+").replaceAll("_", "/")))
    if (Array.isArray(grant) && grant.length === 5) {
      return url.origin + url.pathname.slice(0, -whole.length) + JSON.stringify(grant.slice(0, 3))
    }
  } catch {
    // some other URL with a dot in its last part
  }
  return url.href
}

// What connect() returns. Decodes, tells handlers, and leaves the line alone while the page is put away.
class Stream {
  #options
  #source
  #state = "connecting"
  #id
  #readers = new Set()
  #why = null
  #stopListening = new AbortController()

  constructor(url, options) {
    const { href } = new URL(url, globalThis.document?.baseURI ?? location.href)
    const method = (options.method ?? (options.body == null ? "GET" : "POST")).toUpperCase()
    this.#options = {
      json: true,
      silence: SILENCE,
      credentials: "same-origin",
      reconnect: method === "GET",
      on: {},
      ...options,
      method,
    }
    this.#id = options.lastEventId ?? ""
    if (/[\r\n\0]/.test(this.#id)) throw new TypeError(`lastEventId is one line, got ${JSON.stringify(this.#id)}`)
    const sink = {
      block: (block) => this.#block(block),
      beat: () => {},
      state: (state, why) => this.#turn(state, why),
    }
    const shared = this.#options.share && method === "GET" && navigator.locks && globalThis.BroadcastChannel
    this.#source = new (shared ? Shared : Line)(href, this.#options, sink)
    this.#listen(options.signal)
    if (this.#state !== "closed") queueMicrotask(() => this.#resume())
  }

  get state() {
    return this.#state
  }

  get lastEventId() {
    return this.#id
  }

  close() {
    this.#end({ reason: "client" })
  }

  // Events from here on, until the stream is closed; leaving the loop closes it. Throws if it was refused or broke for good.
  async *[Symbol.asyncIterator]() {
    const reader = { events: [], wake: () => {} }
    this.#readers.add(reader)
    try {
      for (;;) {
        while (reader.events.length) yield reader.events.shift()
        if (this.#why) break
        await new Promise((resolve) => (reader.wake = resolve))
      }
    } finally {
      this.#readers.delete(reader)
      this.close()
    }
    const { reason, status, error } = this.#why
    if (reason === "status" || reason === "type" || reason === "lost") {
      const words = { status: `answered ${status}`, type: "is not an event stream", lost: "broke off" }[reason]
      throw Object.assign(new Error(`the stream ${words}`, { cause: error }), { reason, status })
    }
  }

  #listen(signal) {
    const until = { signal: this.#stopListening.signal }
    // Put away, and perhaps taken out again (the back/forward cache), or frozen: an open line would forbid the one and be
    // cut by the other, with an error in the console.
    addEventListener("pagehide", () => this.#source.stop(), until)
    addEventListener("pageshow", (event) => event.persisted && this.#resume(), until)
    addEventListener("online", () => this.#source.wake(true), until)
    const page = globalThis.document // a worker has none
    page?.addEventListener("freeze", () => this.#source.stop(), until)
    page?.addEventListener("resume", () => this.#resume(), until)
    page?.addEventListener("visibilitychange", () => page.hidden || this.#source.wake(false), until)
    if (signal?.aborted) this.close()
    signal?.addEventListener("abort", () => this.close(), until)
  }

  #resume() {
    if (this.#state !== "closed") this.#source.start(this.#id)
  }

  #block({ id, name, raw }) {
    this.#id = id
    if (name === null || this.#state === "closed") return
    const event = { id, name, data: this.#options.json ? decoded(raw) : raw, raw }
    const { on, onReset, onError } = this.#options
    for (const reader of this.#readers) {
      reader.events.push(event)
      reader.wake()
    }
    if (name === "stream-reset") return call(onReset, event.data?.reason, event)
    if (name === "stream-error") return call(onError, event.data?.detail, event)
    if (Object.hasOwn(on, name) && name !== "*") call(on[name], event.data, event)
    if (Object.hasOwn(on, "*")) call(on["*"], event.data, event)
  }

  #turn(state, why) {
    if (state === "closed") return this.#end(why)
    if (state === this.#state && state !== "connecting") return
    this.#state = state
    call(this.#options.onState, state)
  }

  #end(why) {
    if (this.#state === "closed") return
    this.#state = "closed"
    this.#why = why
    this.#source.stop()
    this.#stopListening.abort()
    for (const reader of this.#readers) reader.wake()
    call(this.#options.onState, "closed", why)
  }
}

export function connect(url, options = {}) {
  return new Stream(url, options)
}

// A handler that throws is a bug of its page's, to be seen in the console; the next event is none of its business.
function call(handler, ...args) {
  try {
    handler?.(...args)
  } catch (error) {
    reportError(error)
  }
}

function decoded(raw) {
  try {
    return JSON.parse(raw)
  } catch {
    return raw
  }
}

// Header values are bytes to fetch, written as characters up to 255.
function utf8(text) {
  return String.fromCharCode(...new TextEncoder().encode(text))
}

function seconds(text) {
  return /^[0-9]+$/.test(text ?? "") ? Number(text) * 1000 : 0
}

function isJSON(body) {
  return body !== null && typeof body === "object" && [Object.prototype, Array.prototype, null].includes(Object.getPrototypeOf(body))
}

// <event-stream src="…" events="created deleted" share>: the same, declared in HTML. Its events bubble, with the data as `detail`;
// its attribute `state` is for stylesheets.
const Element = globalThis.HTMLElement ?? class {}

export class EventStreamElement extends Element {
  static observedAttributes = ["src", "share", "refresh-url", "raw"]
  #stream = null
  #src = null // of the stream, and of the id
  #id = null
  #stale = false
  #settling = false

  get state() {
    return this.#stream?.state ?? "closed"
  }

  get lastEventId() {
    return this.#stream?.lastEventId ?? this.#id ?? ""
  }

  close() {
    this.#id = this.lastEventId
    this.#stream?.close()
  }

  connectedCallback() {
    this.#settle()
  }

  disconnectedCallback() {
    this.#settle()
  }

  connectedMoveCallback() {} // moveBefore(): nothing has to be done, and without this the two above would be called

  attributeChangedCallback() {
    this.#stale = true
    this.#settle()
  }

  // Once things have come to rest: an element that is moved is taken out and put in within one task, and keeps its line.
  #settle() {
    if (this.#settling) return
    this.#settling = true
    queueMicrotask(() => {
      this.#settling = false
      if (this.#stream && (this.#stale || !this.isConnected)) {
        this.close()
        this.#stream = null
      }
      this.#stale = false
      if (this.isConnected && !this.#stream) this.#open()
    })
  }

  #open() {
    const src = this.getAttribute("src")
    if (src !== this.#src) this.#id = null
    this.#src = src
    if (src === null) return this.removeAttribute("state")
    this.#stream = connect(src, {
      json: !this.hasAttribute("raw"),
      share: this.getAttribute("share") || this.hasAttribute("share"),
      refreshUrl: this.getAttribute("refresh-url") ?? undefined,
      lastEventId: this.#id ?? this.getAttribute("last-event-id") ?? "",
      on: { "*": (data, { name }) => this.#wants(name) && this.#send(name, data) },
      onReset: (reason, { name, data }) => this.#send(name, data),
      onError: (detail, { name, data }) => this.#send(name, data),
      onState: (state) => {
        this.setAttribute("state", state)
        this.#send("stream-state", state)
      },
    })
  }

  #wants(name) {
    const names = this.getAttribute("events")
    return names === null || names.split(/\s+/).includes(name)
  }

  #send(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true, detail }))
  }
}

// Twice where a page has the module under two addresses, with and without a hash in its name: the first one stays.
if (globalThis.customElements && !customElements.get("event-stream")) customElements.define("event-stream", EventStreamElement)
