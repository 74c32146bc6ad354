// When to refresh: at once where changes come one by one, and ever more seldom while they come in numbers.

const LEAST = 200 // ms between two refreshes
const QUICK = 200 // ms that a refresh takes of a server that has nothing to complain of
const MOST = 5_000
const SHARE = 2 // a refresh that took a second is followed by a pause of at least this many
const BURST = 5 // changes during a pause, after which the next one is twice as long

// `refresh()` brings the page up to date and returns a promise; one that rejects is tried again. Nothing runs while the page is
// hidden or a button of the mouse is down: what is under a finger must not move.
export class Pace {
  #refresh
  #wanted = 0 // how often since the last refresh began
  #running = false
  #stopped = false
  #timer = 0
  #ended = -Infinity
  #gap = LEAST
  #cost = 0
  #spare = false // whether the next may follow at once
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
    for (const name of ["pointerup", "pointercancel", "contextmenu", "dragend"]) addEventListener(name, released, true)
    addEventListener("blur", released) // of the window
    // Menus, those of <select> too, keep the pointerup to themselves.
    addEventListener("pointermove", ({ buttons }) => this.#pressed && buttons === 0 && released(), true)
    addEventListener("change", released, true)
    document.addEventListener("visibilitychange", () => this.#wanted && this.#plan())
  }

  // Resolves once nothing is pressed.
  async still() {
    if (this.#pressed) await new Promise((resolve) => this.#waiters.push(resolve))
  }

  want() {
    this.#wanted += 1
    this.#plan()
  }

  stop() {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #plan() {
    if (this.#timer || this.#running || this.#stopped || this.#pressed || document.hidden) return
    const wait = this.#spare ? 0 : Math.max(0, this.#ended + this.#gap - performance.now())
    // All who look at this list have heard of it in the same moment. The slower the server answers, the more they spread.
    const spread = wait > 0 ? this.#gap / 4 : Math.min(Math.max(0, this.#cost - QUICK) / 4, 1_000)
    const jitter = Math.random() * spread
    this.#timer = setTimeout(() => this.#run(), wait + jitter)
  }

  async #run() {
    this.#timer = 0
    if (this.#stopped || this.#pressed || document.hidden) return // whatever ends that plans again
    const many = this.#wanted >= BURST
    this.#wanted = 0
    this.#running = true
    const began = performance.now()
    const rested = began - this.#ended > 2 * this.#gap
    try {
      await this.#refresh()
    } catch (error) {
      this.#wanted += BURST // whatever is wrong, it isn't mended by haste
      console.debug("sse_django: a refresh failed and is tried again", error)
    }
    this.#running = false
    this.#ended = performance.now()
    this.#cost = this.#ended - began
    const least = Math.max(LEAST, SHARE * this.#cost)
    const burst = many || this.#wanted >= BURST
    this.#gap = burst ? Math.max(least, Math.min(MOST, this.#gap * 2)) : least
    // After a rest one more is free: a look at the table that ends a moment before somebody saves must not hold the change up.
    this.#spare = rested && !burst && this.#cost < QUICK
    if (this.#wanted) this.#plan()
  }
}
