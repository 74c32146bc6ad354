// How the viewer's language writes numbers, times and durations. Values are those of sse_django/admin/dashboard/values.py: numbers
// that JavaScript can't hold exactly come as text, and Intl writes them digit by digit.

const LONG = 14 // characters of a number beyond which it is written compactly where it stands large

export class Format {
  constructor({ language, timeZone, texts }) {
    this.language = supported(language)
    this.timeZone = known(timeZone)
    this.texts = texts
    this._numbers = new Map()
    this._times = new Map()
  }

  // "%(name)s" in a text of the page's.
  text(key, values = {}) {
    return this.texts[key].replace(/%\((\w+)\)s/g, (_, name) => values[name] ?? "")
  }

  number(value, { unit = "", currency = "", percent = false, digits = null, compact = null, sign = false } = {}) {
    if (value === null || value === undefined) return "–"
    const style = currency ? { style: "currency", currency } : percent ? { style: "percent" } : {}
    const places = digits ?? (currency ? null : percent ? 1 : decimals(value))
    const options = {
      ...style,
      ...(places === null ? {} : { minimumFractionDigits: digits ?? 0, maximumFractionDigits: places }),
      ...(compact ? { notation: compact, minimumFractionDigits: 0, maximumFractionDigits: 1 } : {}),
      ...(sign ? { signDisplay: "exceptZero" } : {}),
    }
    const written = this._number(options).format(value)
    return unit ? `${written}\u00a0${unit}` : written
  }

  // For a large number: compact if it would be too long, else in full.
  fitted(value, options) {
    for (const compact of [null, "compact"]) {
      const written = this.number(value, { ...options, compact })
      if (written.length <= LONG) return written
    }
    return this.number(value, { ...options, compact: "scientific" })
  }

  _number(options) {
    const key = JSON.stringify(options)
    if (!this._numbers.has(key)) this._numbers.set(key, new Intl.NumberFormat(this.language, options))
    return this._numbers.get(key)
  }

  // seconds since 1970
  time(seconds, options = { timeStyle: "medium" }) {
    const key = JSON.stringify(options)
    if (!this._times.has(key)) {
      this._times.set(key, new Intl.DateTimeFormat(this.language, { ...options, timeZone: this.timeZone }))
    }
    return this._times.get(key).format(seconds * 1000)
  }

  // "2026-11-22", which is that day everywhere
  date(iso) {
    const [year, month, day] = iso.split("-").map(Number)
    return new Intl.DateTimeFormat(this.language, { dateStyle: "medium", timeZone: "UTC" }).format(Date.UTC(year, month - 1, day))
  }

  duration(seconds) {
    const [unit, size] = seconds < 90 ? ["second", 1] : seconds < 5400 ? ["minute", 60] : seconds < 129600 ? ["hour", 3600] : ["day", 86400]
    const options = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 }
    return this._number(options).format(Math.max(1, Math.round(seconds / size)))
  }
}

export const asNumber = (value) => (value === null || value === undefined ? null : Number(value))

// A measured number needs no more places than the eye can use; a Decimal (text) keeps what it has.
function decimals(value) {
  if (typeof value === "string") return 20
  const size = Math.abs(value)
  return size >= 100 ? 1 : size >= 1 ? 2 : 3
}

function supported(language) {
  try {
    new Intl.NumberFormat(language)
    return language
  } catch {
    return undefined // the browser's own
  }
}

function known(timeZone) {
  try {
    new Intl.DateTimeFormat("en", { timeZone })
    return timeZone
  } catch {
    return "UTC"
  }
}
