// Types of sse.js. Give connect() a map of event names to the types of their data, by hand or from `manage.py sse_schema`:
//
//     connect<{ created: Order; deleted: number }>(url, { on: { created(order) {}, deleted(pk) {} } })

/** Names of events, and the types of their data as decoded from JSON. */
export type AnyEvents = Record<string, any>

/** An event, as handlers get it and loops yield it. `id` is the last one that the stream sent, with this event or before. */
export interface StreamEvent<Name extends string = string, Data = any> {
  readonly id: string
  readonly name: Name
  readonly data: Data
  readonly raw: string
}

/** One of the events: `name` tells which, and so the type of `data`. */
export type EventOf<Events extends object> = {
  [Name in keyof Events & string]: StreamEvent<Name, Events[Name]>
}[keyof Events & string]

export type ResetReason = "trimmed" | "epoch" | "ahead"

/** What a loop yields besides the stream's own events. */
export type OurEvent =
  | StreamEvent<"stream-reset", { reason: ResetReason }>
  | StreamEvent<"stream-error", { detail: string }>

export type Handlers<Events extends object> = {
  [Name in keyof Events & string]?: (data: Events[Name], event: StreamEvent<Name, Events[Name]>) => void
} & {
  /** Every event of the stream's own, after the handler for its name. */
  "*"?: (data: Events[keyof Events & string], event: EventOf<Events>) => void
}

export type State = "connecting" | "open" | "reconnecting" | "closed"

/**
 * Why a stream is closed:
 * - `client`: close(), the signal, or a loop that was left
 * - `done`: it is finished: a 204, or the end of a stream that doesn't reconnect
 * - `status`: refused with another status
 * - `type`: the answer is no event stream; a login page, perhaps
 * - `lost`: the connection broke, and it doesn't reconnect
 */
export interface Why {
  readonly reason: "client" | "done" | "status" | "type" | "lost"
  readonly status?: number
  readonly error?: unknown
}

export interface Options<Events extends object = AnyEvents> {
  /** By name of the event. A handler that throws is reported, and stops nobody else. */
  on?: Handlers<Events>
  /** `why` comes with "closed", which is final. */
  onState?: (state: State, why?: Why) => void
  /** The log can't say what came after our place: load your state anew. The stream goes on from here. */
  onReset?: (reason: ResetReason, event: StreamEvent<"stream-reset", { reason: ResetReason }>) => void
  /** The view failed. The stream comes back. */
  onError?: (detail: string, event: StreamEvent<"stream-error", { detail: string }>) => void
  /** One connection for all tabs of the browser that have the same URL, or give the same name. The stream needs ids. */
  share?: boolean | string
  /** GET, or POST where there is a body. */
  method?: string
  /** A plain object or an array is sent as JSON, everything else as fetch does. */
  body?: BodyInit | object | null
  /** A function is called before each connection. */
  headers?: HeadersInit | (() => HeadersInit | Promise<HeadersInit>)
  /** As in fetch; "same-origin" by default. */
  credentials?: RequestCredentials
  /** Asked, on a 401 or 403, for a fresh URL: `{"url": "…"}`. */
  refreshUrl?: string
  /** Where to go on; by default the URL says, or it is from now on. */
  lastEventId?: string
  /** False leaves data as it is. True by default: JSON is decoded, and what is none is text. */
  json?: boolean
  /** Milliseconds without a byte after which the line is given up; 45,000 by default, three pings. 0 is never. */
  silence?: number
  /** Whether to come back; by default a GET does, and nothing else. */
  reconnect?: boolean
  /** Closes the stream. */
  signal?: AbortSignal
}

export interface Stream<Events extends object = AnyEvents> extends AsyncIterable<EventOf<Events> | OurEvent> {
  readonly state: State
  /** "" if there has been none. */
  readonly lastEventId: string
  close(): void
}

export function connect<Events extends object = AnyEvents>(url: string | URL, options?: Options<Events>): Stream<Events>

/** `<event-stream src events share refresh-url last-event-id raw>`; events bubble, with their data as `detail`. */
export class EventStreamElement extends HTMLElement {
  readonly state: State
  readonly lastEventId: string
  close(): void
}

/** The format alone: bytes, cut anywhere, to blocks. */
export class EventParser {
  constructor(options: { id?: string; block: (block: Block) => void; retry?: (milliseconds: number) => void })
  feed(bytes: Uint8Array): void
}

/** `name` is null for a block without data, which fires nothing; `marked` says that it has an id of its own. */
export interface Block {
  readonly id: string
  readonly marked: boolean
  readonly name: string | null
  readonly raw: string
}

declare global {
  interface HTMLElementTagNameMap {
    "event-stream": EventStreamElement
  }
}
