// The numbers of list_editable: every row's controls are `form-<n>-<field>`, and a hidden `form-<n>-id` says which object it is.
//
// Django binds by that number alone, so a row's controls and its id must have one number, whatever came, went or moved. Renderings
// are compared without numbers (`form-N-`); the page gets them anew after each change, from the rows as they stand.

const NAMED = ["id", "name", "for", "aria-describedby", "aria-labelledby"]
const NONE = "N" // Django looks for digits, so what has this is not posted to it

export class FormSet {
  #prefix
  #pattern
  #hidden = new WeakMap() // from rows of the page to their hidden inputs

  // The formset of a list's form, or null.
  static of(form) {
    const total = form?.querySelector("input[name$='-TOTAL_FORMS']")
    return total ? new FormSet(total.name.slice(0, -"-TOTAL_FORMS".length)) : null
  }

  constructor(prefix) {
    this.#prefix = prefix
    // Also in `id_form-0-total` and `initial-form-0-id_form-0-total`; not in `platform-0-`.
    this.#pattern = new RegExp(`(?<![A-Za-z0-9])${prefix.replace(/\W/g, "\\$&")}-(?:\\d+|${NONE})-`, "g")
  }

  // Take the numbers off a rendering's rows, and its hidden inputs out. Returns those inputs, a list for each number.
  strip(tree) {
    for (const element of tree.querySelectorAll("#result_list > tbody *")) this.#rename(element, NONE)
    const holder = tree.querySelector(".hiddenfields")
    const lists = []
    for (const input of holder?.querySelectorAll(`input[name^="${this.#prefix}-"]`) ?? []) {
      const number = Number(input.name.slice(this.#prefix.length + 1).split("-")[0])
      ;(lists[number] ??= []).push(input)
    }
    holder?.replaceChildren()
    return lists
  }

  // Remember which hidden inputs a row of the page has.
  assign(row, inputs = []) {
    this.#hidden.set(row, inputs)
  }

  // Number the rows of the page as they stand. Rows that `counts` refuses are none of the formset's.
  number(form, rows, counts) {
    const inputs = []
    let n = 0
    for (const row of rows) {
      const mine = this.#hidden.has(row) && counts(row)
      for (const element of row.querySelectorAll("*")) this.#rename(element, mine ? n : NONE)
      if (!mine) continue
      for (const input of this.#hidden.get(row)) {
        const copy = document.importNode(input, true)
        this.#rename(copy, n)
        inputs.push(copy)
      }
      n += 1
    }
    form.querySelector(".hiddenfields")?.replaceChildren(...inputs)
    for (const name of ["TOTAL_FORMS", "INITIAL_FORMS"]) {
      const input = form.elements.namedItem(`${this.#prefix}-${name}`)
      if (input) input.value = String(n)
    }
  }

  #rename(element, n) {
    for (const name of NAMED) {
      const before = element.getAttribute(name)
      if (before === null || !before.includes(this.#prefix)) continue
      const after = before.replace(this.#pattern, `${this.#prefix}-${n}-`)
      if (after !== before) element.setAttribute(name, after)
    }
  }
}
