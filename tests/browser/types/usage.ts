// Compiled, never run: what a page written in TypeScript may and may not do.

import { connect, type EventOf, type Why } from "../../../sse_django/static/sse_django/sse.js"

interface Order {
  id: number
  status: "new" | "paid"
}

// An interface does as well as a type: no index signature is asked for.
interface Events {
  created: Order
  deleted: number
}

const stream = connect<Events>("/orders/", {
  share: true,
  on: {
    created(order, event) {
      const status: "new" | "paid" = order.status
      const name: "created" = event.name
      void [status, name]
    },
    deleted(pk) {
      pk.toFixed()
    },
    "*"(data, event) {
      if (event.name === "deleted") event.data.toFixed()
      else event.data.status satisfies string
    },
  },
  onState(state, why) {
    if (state === "closed") (why as Why).reason satisfies string
  },
  onReset(reason) {
    reason satisfies "trimmed" | "epoch" | "ahead"
  },
})

async function read(): Promise<void> {
  for await (const event of stream) {
    if (event.name === "created") event.data.id.toFixed()
    else if (event.name === "deleted") event.data.toFixed()
    else if (event.name === "stream-reset") event.data.reason satisfies string
    else event.data.detail satisfies string
  }
}

// With no types, anything goes.
connect("/anything/", { on: { whatever: (data) => data.some.thing }, headers: () => ({ "X-CSRFToken": "…" }) }).close()
connect(new URL("https://example.org/"), { body: { text: "hi" }, signal: AbortSignal.timeout(5) })

const element = document.querySelector("event-stream")
element?.state satisfies string | undefined

function one(event: EventOf<Events>): number {
  return event.name === "created" ? event.data.id : event.data
}

// @ts-expect-error: no such event
connect<Events>("/orders/", { on: { updated() {} } })
// @ts-expect-error: the data of this one is a number
connect<Events>("/orders/", { on: { deleted: (order: Order) => order.id } })
// @ts-expect-error: no such state
stream.state === "shut"
// @ts-expect-error: it can be read, not set
stream.lastEventId = "1"

void [read, one]
