import { clipStyled } from '#cli/style.ts'
import type { Terminal } from '#cli/terminal.ts'

const CLEAR_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'
const CLEAR_ALL = '\u001b[H\u001b[2J'

/**
 * Lines that are redrawn in place, one write a frame. The cursor stays below them and what was on the screen before stays above;
 * whatever ends the process, nothing has to be put right.
 */
export class Screen {
  readonly #terminal: Terminal
  #drawn = 0
  #size = ''

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  /** Replaces the last frame. Lines are clipped to the terminal, and there are at most as many as fit. */
  draw(lines: readonly string[]): void {
    const { columns, rows } = this.#terminal
    const size = `${columns} ${rows}`
    // Another width has broken the old frame's lines: where it begins can't be known.
    const resized = this.#size !== '' && size !== this.#size
    this.#size = size
    const start = resized ? CLEAR_ALL : this.#drawn === 0 ? '' : `\r\u001b[${this.#drawn}A`
    const fitting = lines.slice(0, Math.max(1, rows - 1))
    const frame = fitting.map((line) => `${clipStyled(line, columns)}${CLEAR_LINE}\n`).join('')
    this.#terminal.out(start + frame + CLEAR_BELOW)
    this.#drawn = fitting.length
  }
}
