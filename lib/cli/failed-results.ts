import { count, isoTime } from '#cli/text.ts'
import type { FailedResult } from '#runtime/close-item.ts'

const SHOWN = 5

/** One line each: which row of which window is missing, and why. */
export const failedText = ({ output, start, end, group, reason }: FailedResult): string =>
  `${output} ${isoTime(start)} to ${isoTime(end)}${group.length === 0 ? '' : `, ${group.join(', ')}`}: ${reason}`

/** Empty when every row could be made. */
export function failedSummary(failed: readonly FailedResult[]): string {
  if (failed.length === 0) return ''
  const shown = failed.slice(-SHOWN).map((one) => `  ${failedText(one)}\n`)
  const more = failed.length > SHOWN ? `  and ${count(failed.length - SHOWN)} more\n` : ''
  return `${count(failed.length)} rows of closed windows could not be made and are missing; all others are there:\n${shown.join('')}${more}`
}
