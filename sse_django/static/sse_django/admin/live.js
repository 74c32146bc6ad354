// The live admin: started by the <script data-sse-live> that LiveModelAdmin adds to its pages, which says all there is to know.
import { followList } from "./live/changelist.js"
import { followForm } from "./live/form.js"

const script = document.querySelector("script[data-sse-live]")
if (script?.dataset.sseLive === "changelist") followList(script.dataset)
else if (script?.dataset.sseLive === "form") followForm(script.dataset)
