// Elements without markup in strings: what comes from the stream is text, never HTML.

const SVG = "http://www.w3.org/2000/svg"

export function element(name, { text, ...attributes } = {}, ...children) {
  return fill(document.createElement(name), text, attributes, children)
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), undefined, attributes, children)
}

function fill(made, text, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value)
  }
  if (text !== undefined && text !== null) made.textContent = text
  made.append(...children)
  return made
}

// Only what has changed is written, so that a selection or a screen reader's place stays.
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text
}
