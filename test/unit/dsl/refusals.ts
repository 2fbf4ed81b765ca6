import { type ErrorCode, SluiceError } from '#core/errors.ts'

/** What a definition is refused with. */
export function refusal(define: () => unknown): { readonly code: ErrorCode; readonly message: string } {
  try {
    define()
  } catch (error) {
    if (error instanceof SluiceError) return { code: error.code, message: error.message }
    throw error
  }
  throw new Error('The definition was accepted.')
}
