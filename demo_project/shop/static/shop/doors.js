// The button that brings customers for a minute.

import { post } from "./page.js"

for (const button of document.querySelectorAll(".doors")) {
  const word = button.querySelector(".word")
  const label = word.textContent
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled") === "true") return
    button.setAttribute("aria-disabled", "true")
    const { ok, seconds } = await post(button.dataset.url)
    let left = ok ? seconds : 0
    const tick = () => {
      word.textContent = left > 0 ? `Customers for ${left} s` : label
      if (left-- > 0) setTimeout(tick, 1000)
      else button.removeAttribute("aria-disabled")
    }
    tick()
  })
}
