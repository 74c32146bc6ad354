// When to refresh: at once after a quiet time, and ever more seldom while changes keep coming.

const LEAST = 200 // ms between two refreshes
const MOST = 5_000
const SHARE = 4 // a refresh that took a second is followed by a pause of at least this many

// `refresh()` brings the page up to date and returns a promise; one that rejects is tried again. Nothing runs while the page is
// hidden or a button of the mouse is down: what is under a finger must not move.
export class Pace {
  #refresh
  #wanted = false
  #running = false
  #stopped = false
  #timer = 0
  #ended = -Infinity
  #gap = LEAST
  #cost = 0
  #pressed = false
  #waiters = []

  constructor(refresh) {
    this.#refresh = refresh
    const released = () => {
      this.#pressed = false
      for (const resolve of this.#waiters.splice(0)) resolve()
      if (this.#wanted) this.#plan()
    }
    addEventListener("pointerdown", () => (this.#pressed = true), true)
    addEventListener("pointerup", released, true)
    addEventListener("pointercancel", released, true)
    addEventListener("dragend", released, true) // a drag swallows the pointerup
    addEventListener("blur", released)
    document.addEventListener("visibilitychange", () => this.#wanted && this.#plan())
  }

  // Resolves once nothing is pressed.
  async still() {
    if (this.#pressed) await new Promise((resolve) => this.#waiters.push(resolve))
  }

  want() {
    this.#wanted = true
    this.#plan()
  }

  stop() {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #plan() {
    if (this.#timer || this.#running || this.#stopped || this.#pressed || document.hidden) return
    const wait = Math.max(0, this.#ended + this.#gap - performance.now())
    // All who look at this list have heard of it in the same moment. The slower the server answers, the more they spread.
    const jitter = Math.random() * (wait > 0 ? this.#gap / 4 : Math.min(this.#cost / 2, 1_000))
    this.#timer = setTimeout(() => this.#run(wait > 0), wait + jitter)
  }

  async #run(burst) {
    this.#timer = 0
    if (this.#stopped || this.#pressed || document.hidden) return // whatever ends that plans again
    this.#wanted = false
    this.#running = true
    const began = performance.now()
    try {
      await this.#refresh()
    } catch (error) {
      this.#wanted = true
      console.debug("sse_django: a refresh failed and is tried again", error)
    }
    this.#running = false
    this.#ended = performance.now()
    this.#cost = this.#ended - began
    const least = Math.max(LEAST, SHARE * this.#cost)
    this.#gap = burst || this.#wanted ? Math.min(Math.max(MOST, least), Math.max(this.#gap * 2, least)) : least
    if (this.#wanted) this.#plan()
  }
}
