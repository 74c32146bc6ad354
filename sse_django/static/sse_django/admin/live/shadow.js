// Takes to the page what differs between two renderings of the server, and touches nothing else.
//
// The shadow is what the server last sent. A page also has what its scripts and its reader have done since: open details, ticks,
// typed text, widgets. Where the server says the same as before, that stays; a comparison with the page itself would undo it.

const ELEMENT = 1

export class Shadow {
  #tree
  #live = new WeakMap() // from nodes of the shadow to those of the page

  // The page must be as the server sent it. `rules` has:
  //   key(node)            what tells it from its siblings, beside its tag; undefined is its id or its place
  //   holds(live, old, next)  whether an element with news is to be left alone now; it is asked again next time
  //   keeps(live)          whether an element that the server has no more stays nevertheless
  //   added(live), changed(live)  what was done
  constructor(root, prepare, rules) {
    this.rules = rules
    this.#tree = root.cloneNode(true)
    this.#pair(this.#tree, root)
    prepare(this.#tree)
  }

  update(next) {
    this.#patch(this.#tree, next)
  }

  #pair(old, live) {
    this.#live.set(old, live)
    for (let a = old.firstChild, b = live.firstChild; a && b; a = a.nextSibling, b = b.nextSibling) this.#pair(a, b)
  }

  #patch(old, next) {
    if (old.isEqualNode(next)) return
    const live = this.#live.get(old)
    if (old.nodeType !== ELEMENT) {
      live.data = old.data = next.data
      return
    }
    if (this.rules.holds(live, old, next)) return
    this.#attributes(old, next, live)
    this.#children(old, next, live)
    this.rules.changed(live)
  }

  #attributes(old, next, live) {
    const names = new Set([...old.getAttributeNames(), ...next.getAttributeNames()])
    names.delete("nonce") // the page's own, which the browser hides
    for (const name of names) {
      const [before, after] = [old.getAttribute(name), next.getAttribute(name)]
      if (before === after) continue
      if (name === "class") {
        live.classList.remove(...words(before))
        live.classList.add(...words(after))
      } else if (after === null) {
        live.removeAttribute(name)
      } else {
        live.setAttribute(name, after)
      }
      if (after === null) old.removeAttribute(name)
      else old.setAttribute(name, after)
      // Once a control was used, its attribute is only its default.
      if (name === "value" && "value" in live && live.type !== "checkbox") live.value = after ?? ""
      if (name === "checked") live.checked = after !== null
      if (name === "selected") live.selected = after !== null
    }
  }

  #children(old, next, live) {
    const before = this.#byKey(old.childNodes)
    const matched = new Set()
    const children = [...this.#byKey(next.childNodes)].map(([key, child]) => {
      const known = before.get(key)
      if (known === undefined) return this.#add(child)
      matched.add(known)
      this.#patch(known, child)
      return known
    })
    for (const child of before.values()) {
      if (matched.has(child)) continue
      const gone = this.#live.get(child)
      if (child.nodeType === ELEMENT && this.rules.keeps(gone)) {
        children.splice(children.indexOf(precedent(child, matched)) + 1, 0, child)
        matched.add(child)
      } else {
        gone.remove()
      }
    }
    old.replaceChildren(...children)
    if (live instanceof HTMLTextAreaElement) live.value = live.defaultValue = old.textContent
    else arrange(live, children.map((child) => this.#live.get(child)))
  }

  #add(child) {
    const live = document.importNode(child, true)
    this.#pair(child, live)
    if (child.nodeType === ELEMENT) this.rules.added(live)
    return child
  }

  #byKey(nodes) {
    const found = new Map()
    const counts = new Map()
    for (const node of nodes) {
      const name = node.nodeName + " " + (this.rules.key(node) ?? node.id ?? "")
      const count = counts.get(name) ?? 0
      counts.set(name, count + 1)
      found.set(`${name} ${count}`, node)
    }
    return found
  }
}

function words(text) {
  return (text ?? "").split(/\s+/).filter(Boolean)
}

// The nearest sibling before a node that stays.
function precedent(node, staying) {
  let sibling = node.previousSibling
  while (sibling && !staying.has(sibling)) sibling = sibling.previousSibling
  return sibling
}

// Bring nodes into this order within their parent, with as few moves as can be. Who has the focus isn't moved: it would lose it.
export function arrange(parent, nodes) {
  const place = new Map([...parent.childNodes].map((node, index) => [node, index]))
  const focused = nodes.findIndex((node) => node.contains(document.activeElement) && place.has(node))
  const staying = longestRun(
    nodes.map((node) => place.get(node) ?? -1),
    focused,
  )
  for (let i = nodes.length - 1; i >= 0; i--) {
    if (!staying.has(i)) parent.insertBefore(nodes[i], nodes[i + 1] ?? null)
  }
}

// The indexes of a longest increasing run of places (-1 has none), with the index `through` in it if that isn't -1.
export function longestRun(places, through) {
  const pivot = through < 0 ? null : places[through]
  const tails = [] // of the best run of each length, by index
  const previous = new Array(places.length).fill(-1)
  places.forEach((at, i) => {
    if (at < 0) return
    if (pivot !== null && i !== through && i < through !== at < pivot) return
    let low = 0
    let high = tails.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (places[tails[middle]] < at) low = middle + 1
      else high = middle
    }
    previous[i] = low > 0 ? tails[low - 1] : -1
    tails[low] = i
  })
  const run = new Set()
  for (let i = tails.at(-1) ?? -1; i >= 0; i = previous[i]) run.add(i)
  return run
}
