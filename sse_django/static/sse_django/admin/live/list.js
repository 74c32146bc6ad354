// The list in the page, and how a new rendering of the server is taken over into it.
import { recount } from "./actions.js"
import { FormSet } from "./formset.js"
import { Shadow } from "./shadow.js"
import { isFocused, isSelected, isTouched, values } from "./typing.js"

const MARKED = 4_000 // ms for which what has changed is marked
const ROW = "#result_list > tbody > tr"
const CELL = `${ROW} > *`
const LEFT = "sse-live-left" // a row that the server has no more, kept for what was typed in it
const DELETED = "sse-live-deleted"

// Whatever the template, the list is in one of these.
export function rootOf(page) {
  return page.querySelector("#content-main:has(#changelist)") ?? page.querySelector("#changelist")
}

export class List {
  #root
  #texts
  #wait
  #formset
  #shadow
  #keys = new WeakMap() // from rows, of a rendering or of the page, to what stands for their objects
  #fresh = new Set() // elements of the page that the current update has brought or changed
  #deleted = new Set() // keys
  #held = { focus: false, selection: false } // what news waits for

  // `keys` stand for the objects of the rows, in order. `wait()` is called when something that was held back can be brought.
  constructor(root, keys, texts, wait) {
    this.#root = root
    this.#texts = texts
    this.#wait = wait
    this.#formset = FormSet.of(root.querySelector("#changelist-form"))
    const rows = this.#name(rowsOf(root), keys)
    this.#shadow = new Shadow(
      root,
      (tree) => this.#prepare(tree, keys).forEach((inputs, i) => this.#formset.assign(rows[i], inputs)),
      {
        key: (node) => this.#keys.get(node),
        holds: (element, old, next) => element.matches(CELL) && this.#holds(element, old, next),
        keeps: (element) => element.matches(ROW) && this.#keeps(element),
        added: (element) => this.#fresh.add(element),
        changed: (element) => element.matches(CELL) && this.#fresh.add(element),
      },
    )
    document.addEventListener("focusout", () => setTimeout(() => this.#release("focus")))
    document.addEventListener("selectionchange", () => getSelection()?.isCollapsed && this.#release("selection"))
  }

  // Make the page like a new rendering. `rows` are those that are known to have changed (how, by key), `more` says that there may
  // be others. Returns a sentence about what is new, or "".
  take(next, keys, { rows: expected, more }) {
    const before = this.#byKey()
    const focus = this.#focusedRow()
    for (const [key, action] of Object.entries(expected)) {
      if (action === "deleted") this.#deleted.add(key)
      else this.#deleted.delete(key)
    }
    this.#held = { focus: false, selection: false }
    this.#fresh.clear()
    for (const note of this.#root.querySelectorAll(".sse-live-note")) note.remove()
    for (const row of rowsOf(this.#root)) row.classList.remove(LEFT, DELETED)

    this.#formset ??= FormSet.of(next.querySelector("#changelist-form"))
    const hidden = this.#prepare(next, keys)
    this.#shadow.update(next)
    this.#settle(keys, hidden)
    if (focus) this.#refocus(focus)
    return this.#report(before, expected, more)
  }

  // Name the rows of a rendering, and take from it what isn't to be compared. Returns the hidden inputs of its rows.
  #prepare(tree, keys) {
    this.#name(rowsOf(tree), keys)
    tree.querySelector("input[name=csrfmiddlewaretoken]")?.removeAttribute("value") // masked anew each time
    return this.#formset?.strip(tree) ?? []
  }

  #settle(keys, hidden) {
    const rows = rowsOf(this.#root)
    const standing = this.#name(
      rows.filter((row) => !row.classList.contains(LEFT)),
      keys,
    )
    const form = this.#root.querySelector("#changelist-form")
    if (this.#formset && form) {
      standing.forEach((row, i) => this.#formset.assign(row, hidden[i]))
      this.#formset.number(form, rows, (row) => !row.classList.contains(DELETED))
      for (const element of this.#fresh) enhance(element)
    }
    recount()
  }

  // Returns the rows that are objects'.
  #name(rows, keys) {
    const found = objectsOf(rows, keys.length)
    found.forEach((row, i) => this.#keys.set(row, keys[i]))
    return found
  }

  #byKey() {
    return new Map(rowsOf(this.#root).map((row) => [this.#keys.get(row), row]))
  }

  // -- what a person is at

  #holds(cell, old, next) {
    if (isSelected(cell)) return (this.#held.selection = true)
    if (!isTouched(cell)) return isFocused(cell) && (this.#held.focus = true)
    const [was, is, mine] = [values(old, { sent: true }), values(next, { sent: true }), values(cell, { sent: false })]
    if (String(mine) === String(is)) return false // both have written the same
    const news = is.filter((value, i) => value !== was[i])
    if (news.length) note(cell, "conflict", this.#texts.conflict.replace("%s", news.join(", ") || this.#texts.empty))
    return true
  }

  #keeps(row) {
    if (!isTouched(row) && !isFocused(row)) return false
    if (!isTouched(row)) this.#held.focus = true
    const deleted = this.#deleted.has(this.#keys.get(row))
    row.classList.add(LEFT)
    row.classList.toggle(DELETED, deleted)
    const cell = row.querySelector("th") ?? row.cells[row.cells.length - 1]
    note(cell, "left", deleted ? this.#texts.deleted : this.#texts.left)
    return true
  }

  #release(what) {
    if (!this.#held[what]) return
    this.#held[what] = false
    this.#wait()
  }

  // A row with the focus that is gone would leave the keyboard at the top of the page: its place is taken by the next one.
  #focusedRow() {
    const row = document.activeElement?.closest?.(ROW)
    return row ? { row, index: row.sectionRowIndex } : null
  }

  #refocus({ row, index }) {
    if (row.isConnected || document.activeElement !== document.body) return
    const rows = rowsOf(this.#root)
    rows[Math.min(index, rows.length - 1)]?.querySelector("input:not([type=hidden]), a, select")?.focus({ preventScroll: true })
  }

  // -- what is said of it

  #report(before, expected, more) {
    const counts = { created: 0, changed: 0, gone: 0 }
    const after = this.#byKey()
    for (const [key, row] of after) {
      if (row.classList.contains(LEFT)) continue
      if (!before.has(key)) {
        counts.created += 1
        mark(row, "sse-live-new")
      } else if (more || key in expected) {
        // Others differ in what changes by itself, such as "5 minutes ago".
        const cells = [...row.cells].filter((cell) => this.#fresh.has(cell))
        counts.changed += cells.length > 0
        for (const cell of cells) mark(cell, "sse-live-changed")
      }
    }
    for (const [key, row] of before) counts.gone += !after.has(key) || row.classList.contains(LEFT)
    const parts = Object.entries(counts).filter(([, count]) => count > 0)
    return [parts.length && this.#texts.updated, ...parts.map(([name, n]) => this.#texts[name].replace("%s", n.toLocaleString(document.documentElement.lang)))]
      .filter(Boolean)
      .join(" ")
  }
}

// A template may have rows of its own, such as a sum. What is ticked or typed must never come to stand for another object: where
// it can't be told which rows are objects', there is no following.
export class UnknownRows extends Error {}

function objectsOf(rows, count) {
  if (rows.length === count) return rows
  const controlled = rows.filter((row) => row.querySelector("input, select, textarea"))
  if (controlled.length === count) return controlled
  if (controlled.length === 0) return [] // nothing to be mistaken
  throw new UnknownRows(`the list has ${count} objects, and ${rows.length} rows, ${controlled.length} of them with controls`)
}

function rowsOf(tree) {
  return [...tree.querySelectorAll(ROW)]
}

function note(cell, kind, text) {
  const element = document.createElement("span")
  element.className = `sse-live-note sse-live-note-${kind}`
  element.setAttribute("role", "note")
  element.textContent = text
  cell.append(element)
}

const ends = new WeakMap()

function mark(element, name) {
  clearTimeout(ends.get(element))
  if (element.classList.contains(name)) {
    element.classList.remove(name)
    void element.offsetWidth // a layout of the page, and the animation begins anew
  }
  element.classList.add(name)
  ends.set(element, setTimeout(() => element.classList.remove(name), MARKED))
}

// What the admin's own scripts have done, at load, to controls that were there then.
function enhance(element) {
  const find = (selector) => [element.matches(selector) && element, ...element.querySelectorAll(selector)].filter(Boolean)
  const missing = (input) => !input.nextElementSibling?.matches(".datetimeshortcuts")
  for (const input of find("input.vDateField").filter(missing)) window.DateTimeShortcuts?.addCalendar(input)
  for (const input of find("input.vTimeField").filter(missing)) window.DateTimeShortcuts?.addClock(input)
  for (const select of find("select.admin-autocomplete")) window.django?.jQuery?.(select).djangoAdminSelect2?.()
}
