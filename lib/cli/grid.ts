import type { Terminal } from '#cli/terminal.ts'
import { clip, pad, width } from '#cli/text.ts'

export interface GridColumn {
  readonly title: string
  /** Numbers are aligned to the right. */
  readonly right: boolean
}

/** Widths are found from so many rows; what comes after is written as it comes. */
const SAMPLE = 1_000
const GAP = '  '
/** Cells are cut no shorter: a time with milliseconds is whole. Some columns are left out instead. */
const NARROWEST = 24

/**
 * Rows as an aligned table. On a terminal it is made to fit: the widest cells are clipped, and columns for which there is no
 * room at all are named underneath. Elsewhere nothing is clipped.
 */
export class Grid {
  readonly #terminal: Terminal
  readonly #columns: readonly GridColumn[]
  #sample: (readonly string[])[] | null = []
  #widths: readonly number[] = []

  constructor(terminal: Terminal, columns: readonly GridColumn[]) {
    this.#terminal = terminal
    this.#columns = columns
  }

  async add(cells: readonly string[]): Promise<void> {
    if (this.#sample === null) return this.#write(cells)
    this.#sample.push(cells)
    if (this.#sample.length >= SAMPLE) await this.#begin()
  }

  async end(): Promise<void> {
    await this.#begin()
    const hidden = this.#columns.slice(this.#widths.length).map(({ title }) => title)
    if (hidden.length === 0) return
    this.#terminal.out(
      `… and ${hidden.length} more ${hidden.length === 1 ? 'column' : 'columns'}: ${hidden.join(', ')}\n`,
    )
  }

  async #begin(): Promise<void> {
    const rows = this.#sample
    if (rows === null) return
    this.#sample = null
    const natural = this.#columns.map(({ title }, i) =>
      Math.max(width(title), ...rows.map((row) => width(row[i] ?? ''))),
    )
    this.#widths = this.#terminal.interactive ? fitted(natural, this.#terminal.columns) : natural
    await this.#write(this.#columns.map(({ title }) => title))
    for (const row of rows) await this.#write(row)
  }

  async #write(cells: readonly string[]): Promise<void> {
    const { interactive } = this.#terminal
    const line = this.#widths
      .map((to, i) => pad(interactive ? clip(cells[i]!, to) : cells[i]!, to, this.#columns[i]!.right))
      .join(GAP)
    this.#terminal.out(`${line.trimEnd()}\n`)
    await this.#terminal.written()
  }
}

/** Widths that fit into `total`, for as many of the first columns as there is room for. */
export function fitted(natural: readonly number[], total: number): readonly number[] {
  for (let columns = natural.length; columns > 1; columns--) {
    const widths = capped(natural.slice(0, columns), total - GAP.length * (columns - 1))
    if (widths !== null) return widths
  }
  return natural.slice(0, 1).map((first) => Math.min(first, total))
}

/** The widest columns cut to the same width; null if that would be too narrow. */
function capped(natural: readonly number[], room: number): readonly number[] | null {
  const ascending = natural.toSorted((a, b) => a - b)
  let left = room
  for (const [i, wide] of ascending.entries()) {
    const share = Math.floor(left / (ascending.length - i))
    if (wide > share) return share < NARROWEST ? null : natural.map((each) => Math.min(each, share))
    left -= wide
  }
  return natural
}
