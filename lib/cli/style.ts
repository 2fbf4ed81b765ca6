import type { Terminal } from '#cli/terminal.ts'

/** Bold and dim, nothing else; plain where the user (https://no-color.org) or the terminal wants no styles. */
export interface Style {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
}

const PLAIN: Style = { bold: (text) => text, dim: (text) => text }
const STYLED: Style = { bold: (text) => `\u001b[1m${text}\u001b[22m`, dim: (text) => `\u001b[2m${text}\u001b[22m` }

export function styleFor({ interactive, env }: Pick<Terminal, 'interactive' | 'env'>): Style {
  return interactive && !env['NO_COLOR'] ? STYLED : PLAIN
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: styles begin with one
const STYLE = /\u001b\[\d+m/y
const RESET = '\u001b[22m'

/** The line cut to so many visible characters, its styles ended. */
export function clipStyled(line: string, max: number): string {
  let shown = 0
  let styled = false
  for (let at = 0; at < line.length; ) {
    STYLE.lastIndex = at
    const style = STYLE.exec(line)?.[0]
    if (style !== undefined) {
      styled = style !== RESET
      at += style.length
      continue
    }
    const char = String.fromCodePoint(line.codePointAt(at)!)
    if (shown === max - 1 && hasMore(line, at + char.length)) return `${line.slice(0, at)}…${styled ? RESET : ''}`
    shown++
    at += char.length
  }
  return line
}

/** Whether anything visible follows. */
function hasMore(line: string, from: number): boolean {
  let at = from
  for (;;) {
    STYLE.lastIndex = at
    const style = STYLE.exec(line)?.[0]
    if (style === undefined) return at < line.length
    at += style.length
  }
}
