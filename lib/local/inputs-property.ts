const QUOTE = 34
const COMMA = 44
const COLON = 58
const BACKSLASH = 92

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * Finds one property of a JSON object by a light scan of its text: no parsing, no validation. Of a property that stands there
 * twice it is the first. In text that is no JSON object it finds nothing, or something: always the same for the same text.
 */
export class PropertyFinder {
  /** After `find`: the value's text is buffer[start, end); a string without its quotes, unescaped. */
  buffer: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0
  readonly #name: string
  readonly #nameBytes: Uint8Array

  constructor(name: string) {
    this.#name = name
    this.#nameBytes = encoder.encode(name)
  }

  /** Looks in buffer[start, stop). False when there is no such property, or it is null. */
  find(buffer: Uint8Array, start: number, stop: number): boolean {
    let i = skipBlanks(buffer, start, stop)
    if (buffer[i] !== 123) return false
    i++
    while (i < stop) {
      i = skipBlanks(buffer, i, stop)
      if (i >= stop || buffer[i] !== QUOTE) return false
      const nameStart = i + 1
      const nameEnd = stringEnd(buffer, nameStart, stop)
      i = skipBlanks(buffer, nameEnd + 1, stop)
      if (i >= stop || buffer[i] !== COLON) return false
      i = skipBlanks(buffer, i + 1, stop)
      const valueEnd = endOfValue(buffer, i, stop)
      if (this.#isName(buffer, nameStart, nameEnd)) return this.#take(buffer, i, valueEnd)
      i = skipBlanks(buffer, valueEnd, stop)
      if (i >= stop || buffer[i] !== COMMA) return false
      i++
    }
    return false
  }

  #isName(buffer: Uint8Array, start: number, end: number): boolean {
    const name = this.#nameBytes
    let i = 0
    while (i < name.length && start + i < end && buffer[start + i] === name[i]) i++
    if (i === name.length && start + i === end) return true
    return hasEscape(buffer, start, end) && unescaped(buffer, start, end) === this.#name
  }

  #take(buffer: Uint8Array, start: number, end: number): boolean {
    this.buffer = buffer
    if (buffer[start] === QUOTE) {
      this.start = start + 1
      this.end = Math.max(start + 1, end - 1)
      const text = hasEscape(buffer, this.start, this.end) ? unescaped(buffer, this.start, this.end) : undefined
      if (text === undefined) return true
      this.buffer = encoder.encode(text)
      this.start = 0
      this.end = this.buffer.length
      return true
    }
    this.start = start
    this.end = end
    while (this.end > start && isBlank(buffer[this.end - 1]!)) this.end--
    return this.end > start && !(this.end - start === 4 && buffer[start] === 110)
  }
}

const isBlank = (byte: number): boolean => byte === 32 || byte === 9 || byte === 13 || byte === 10

function skipBlanks(buffer: Uint8Array, start: number, stop: number): number {
  let i = start
  while (i < stop && isBlank(buffer[i]!)) i++
  return i
}

/** Position of the quote that ends the string whose text starts at `start`; `stop` when there is none. */
function stringEnd(buffer: Uint8Array, start: number, stop: number): number {
  let i = start
  for (; i < stop && buffer[i] !== QUOTE; i++) if (buffer[i] === BACKSLASH) i++
  return Math.min(i, stop)
}

/** Where the value ends that starts at `start`: at the comma or bracket after it. */
function endOfValue(buffer: Uint8Array, start: number, stop: number): number {
  let depth = 0
  for (let i = start; i < stop; i++) {
    const byte = buffer[i]!
    if (byte === QUOTE) {
      i = stringEnd(buffer, i + 1, stop)
      if (depth === 0) return Math.min(i + 1, stop)
    } else if (byte === 123 || byte === 91) {
      depth++
    } else if (byte === 125 || byte === 93) {
      if (depth === 0) return i
      depth--
      if (depth === 0) return i + 1
    } else if (byte === COMMA && depth === 0) {
      return i
    }
  }
  return stop
}

function hasEscape(buffer: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (buffer[i] === BACKSLASH) return true
  return false
}

/** The string's text, or undefined when its escapes are none of JSON's. */
function unescaped(buffer: Uint8Array, start: number, end: number): string | undefined {
  try {
    return String(JSON.parse(`"${decoder.decode(buffer.subarray(start, end))}"`))
  } catch {
    return undefined
  }
}
