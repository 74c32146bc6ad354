// What the pages have in common: buttons that POST, a word on the line's state, and things that move to where they belong.

const WORDS = { connecting: "Connecting", open: "Live", reconnecting: "Reconnecting", closed: "Off" }

export const still = matchMedia("(prefers-reduced-motion: reduce)")

export async function post(url) {
  const token = document.cookie.match(/(?:^|; )csrftoken=([^;]*)/)?.[1] ?? ""
  const response = await fetch(url, { method: "POST", headers: { "X-CSRFToken": token, Accept: "application/json" } })
  return { ok: response.ok, ...(await response.json().catch(() => ({}))) }
}

// For `onState` of connect().
export function shows(pill) {
  return (state) => {
    pill.dataset.state = state
    pill.querySelector(".word").textContent = WORDS[state]
  }
}

// Makes a change, and has whatever it moved travel from where it was. New elements fade in.
export function moving(elements, change) {
  const before = new Map(elements().map((element) => [element, element.getBoundingClientRect()]))
  change()
  if (still.matches || document.hidden) return
  for (const element of elements()) {
    const was = before.get(element)
    const now = element.getBoundingClientRect()
    if (!was) {
      element.animate([{ opacity: 0, transform: "translateY(-0.75rem) scale(0.96)" }, { opacity: 1 }], {
        duration: 320,
        easing: "ease-out",
      })
    } else if (was.x !== now.x || was.y !== now.y) {
      element.animate([{ transform: `translate(${was.x - now.x}px, ${was.y - now.y}px)`, zIndex: 1 }, { transform: "none", zIndex: 1 }], {
        duration: was.x === now.x ? 300 : 520,
        easing: "cubic-bezier(0.3, 0.9, 0.3, 1)",
      })
    }
  }
}

// Fades an element out, before it is taken away.
export async function fading(element) {
  if (!still.matches && !document.hidden) {
    const to = [{ opacity: 1 }, { opacity: 0, transform: "translateX(1.5rem) scale(0.96)" }]
    await element.animate(to, { duration: 260, easing: "ease-in", fill: "forwards" }).finished.catch(() => {})
  }
}

export function make(tag, name, words = "") {
  const element = document.createElement(tag)
  element.className = name
  element.textContent = words
  return element
}

const ago = new Intl.RelativeTimeFormat("en", { style: "narrow" })

export function since(time) {
  const seconds = Math.max(0, (Date.now() - new Date(time)) / 1000)
  if (seconds < 45) return "just now"
  if (seconds < 3600) return ago.format(-Math.round(seconds / 60), "minute")
  return ago.format(-Math.round(seconds / 3600), "hour")
}
