import { isSluiceError } from '#core/errors.ts'
import { ATTEMPTS } from '#delta/opened-version.ts'

/**
 * Does an operation, and does it anew on the version that is there then when others changed what it had read. The last conflict is
 * the caller's.
 */
export async function planned<T>(attempts: number | undefined, operate: () => Promise<T>): Promise<T> {
  for (let left = (attempts ?? ATTEMPTS) - 1; ; left--) {
    try {
      return await operate()
    } catch (error) {
      if (left <= 0 || !isSluiceError(error, 'DELTA_TRANSACTION_CONFLICT')) throw error
    }
  }
}
