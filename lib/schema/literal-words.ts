/** 1 for `true`, 0 for `false`, in any case; −1 for other text. */
export function booleanOf(bytes: Uint8Array, start: number, end: number): number {
  return isWord('true', bytes, start, end) ? 1 : isWord('false', bytes, start, end) ? 0 : -1
}

/** Whether the text is a way to write infinity, or no number at all (NaN). */
export function isInfinite(bytes: Uint8Array, start: number, end: number): boolean {
  const from = bytes[start] === 0x2d || bytes[start] === 0x2b ? start + 1 : start
  return isWord('nan', bytes, from, end) || isWord('inf', bytes, from, end) || isWord('infinity', bytes, from, end)
}

/** Whether bytes [start, end) are that lowercase word in any case. */
function isWord(word: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== word.length) return false
  for (let at = 0; at < word.length; at++) if ((bytes[start + at]! | 0x20) !== word.charCodeAt(at)) return false
  return true
}
