// The shelf: the page brings it, the feed keeps it right.

import { connect } from "../sse_django/sse.js"
import { toast } from "./bell.js"
import { post, shows, still } from "./page.js"

const shelf = document.querySelector(".shelf")

function put({ id, price, stock }) {
  const product = shelf.querySelector(`[data-id="${id}"]`)
  if (!product) return location.reload() // a new product: its drawing is the page's business
  const left = product.querySelector(".left b")
  const before = Number(left.textContent)
  product.querySelector(".amount").textContent = price
  if (before === stock) return
  left.textContent = stock
  product.querySelector("meter").value = stock
  product.toggleAttribute("data-empty", stock === 0)
  product.querySelector(".buy").setAttribute("aria-disabled", stock === 0)
  if (still.matches || document.hidden) return
  product.querySelector(".left").animate([{ color: "var(--hot)", transform: "scale(1.18)" }, {}], { duration: 900 })
  const hop = stock > before ? "translateY(-0.6rem) rotate(-3deg)" : "scale(0.9)"
  product.querySelector("img").animate([{}, { transform: hop }, {}], { duration: 420, easing: "ease-out" })
}

connect(shelf.dataset.live, {
  share: true,
  onState: shows(document.querySelector(".live-state")),
  on: {
    snapshot: (rows) => rows.forEach(put),
    created: put,
    updated: put,
    deleted: ({ pk }) => shelf.querySelector(`[data-id="${pk}"]`)?.remove(),
  },
})

shelf.addEventListener("click", async ({ target }) => {
  const button = target.closest(".buy")
  if (!button || button.getAttribute("aria-disabled") === "true") return
  const { ok, order, detail } = await post(button.dataset.url)
  toast(ok ? `Thank you! Your order is #${order}` : (detail ?? "That did not work"), ok ? "status" : "stock")
})
