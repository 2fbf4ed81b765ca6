import { randomUUID } from 'node:crypto'
import type { Ids } from '#ports/ids.ts'

/** Version 4 GUIDs from the machine's random source. */
export const randomIds: Ids = { next: () => randomUUID() }
