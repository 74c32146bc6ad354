// What a person is doing to the list's controls (list_editable), which nothing may overwrite.

const CONTROLS = "input:not([type=hidden]):not(.action-select), select, textarea"

function controls(element) {
  return [...element.querySelectorAll(CONTROLS)]
}

// Whether somebody has left something in the element's controls that the server doesn't know.
export function isTouched(element) {
  return controls(element).some(differs)
}

// Whether somebody is at one of them right now.
export function isFocused(element) {
  return controls(element).includes(document.activeElement)
}

export function isSelected(element) {
  const selection = getSelection()
  return selection !== null && !selection.isCollapsed && selection.containsNode(element, true)
}

// What a cell's controls say, in order, as text for people; with `sent`, as the server sent them.
export function values(cell, { sent }) {
  return controls(cell).map((control) => (sent ? sentValue(control) : value(control)))
}

function differs(control) {
  if (control.disabled) return false
  if (control.type === "file") return control.files.length > 0
  return value(control) !== sentValue(control)
}

function isBox(control) {
  return control.type === "checkbox" || control.type === "radio"
}

const yesOrNo = (checked) => (checked ? "✓" : "✗")
const names = (options) => options.map((option) => option.text).join(", ")

function value(control) {
  if (isBox(control)) return yesOrNo(control.checked)
  if (control.localName === "select") return names([...control.selectedOptions])
  return control.value
}

function sentValue(control) {
  if (isBox(control)) return yesOrNo(control.defaultChecked)
  if (control.localName !== "select") return control.defaultValue
  const chosen = [...control.options].filter((option) => option.defaultSelected)
  return names(chosen.length || control.multiple ? chosen : [...control.options].slice(0, 1))
}
