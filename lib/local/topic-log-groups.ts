import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { diskError, systemCode } from './data-folder-error.ts'

/**
 * What the consumer groups of a topic have committed: `groups/<group>.offsets`, one double per partition, the offset plus
 * one, zero for none. A commit is one 8-byte write in place, which other threads and processes see at once.
 */
export class GroupOffsets {
  readonly #folder: string
  readonly #descriptors = new Map<string, number>()

  constructor(topicFolder: string) {
    this.#folder = join(topicFolder, 'groups')
  }

  committed(group: string): ReadonlyMap<number, number> {
    const offsets = new Map<number, number>()
    let slots: Buffer
    try {
      slots = readFileSync(this.#path(group))
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return offsets
      throw error
    }
    for (let partition = 0; (partition + 1) * 8 <= slots.length; partition++) {
      const slot = slots.readDoubleLE(partition * 8)
      if (slot > 0) offsets.set(partition, slot - 1)
    }
    return offsets
  }

  /** @throws SluiceError DISK_FULL, DATA_FOLDER_READ_ONLY */
  commit(group: string, partition: number, offset: number): void {
    const slot = Buffer.alloc(8)
    slot.writeDoubleLE(offset + 1)
    try {
      writeSync(this.#open(group), slot, 0, 8, partition * 8)
    } catch (error) {
      throw diskError(error, this.#path(group))
    }
  }

  close(): void {
    for (const descriptor of this.#descriptors.values()) closeSync(descriptor)
    this.#descriptors.clear()
  }

  #open(group: string): number {
    const known = this.#descriptors.get(group)
    if (known !== undefined) return known
    mkdirSync(this.#folder, { recursive: true })
    const descriptor = this.#create(group)
    this.#descriptors.set(group, descriptor)
    return descriptor
  }

  #create(group: string): number {
    const path = this.#path(group)
    try {
      return openSync(path, 'r+')
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
    }
    try {
      return openSync(path, 'wx+')
    } catch (error) {
      // Another thread was faster: its file must not be emptied.
      if (systemCode(error) === 'EEXIST') return openSync(path, 'r+')
      throw error
    }
  }

  #path(group: string): string {
    return join(this.#folder, `${encodeURIComponent(group)}.offsets`)
  }
}
