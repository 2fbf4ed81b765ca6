import { SluiceError } from '#core/errors.ts'
import type { FencedItem, StateStore } from '#ports/state-store.ts'
import { decodeBody, encodeBody } from '#runtime/json-body.ts'
import { identityGroup, type Scope } from '#runtime/keys.ts'

const ID = 'epochs'

/** A state that was built from the first record on: by the pipeline as it ran, or from bronze. */
export interface Epoch {
  /** 0 for the first; higher for those that were rebuilt. */
  readonly number: number
  /** Of the definition that it was built by; null for the first one, which has the data folder's. */
  readonly fingerprint: string | null
}

/** Which epoch serves, and which one is built beside it. */
export interface Epochs {
  readonly serving: Epoch
  readonly rebuild: Epoch | null
  /** The rebuild is taking the place of the one that serves: some tables may be the new ones already. */
  readonly switching: boolean
}

export interface EpochsItem {
  readonly fence: number | null
  readonly epochs: Epochs
}

const FIRST: Epochs = { serving: { number: 0, fingerprint: null }, rebuild: null, switching: false }

type Where = Scope & { readonly state: StateStore }

function fromItem(item: FencedItem | undefined): EpochsItem {
  if (item === undefined) return { fence: null, epochs: FIRST }
  return { fence: item.fence, epochs: decodeBody<Epochs>(item.body, `${item.group}/${item.id}`) }
}

/** One read. */
export async function loadEpochs(where: Where): Promise<EpochsItem> {
  return fromItem(await where.state.get(identityGroup(where), ID))
}

/** What is stored afterwards, which is somebody else's where they were faster. One write. */
export async function storeEpochs(where: Where, before: EpochsItem, epochs: Epochs): Promise<EpochsItem> {
  const fence = (before.fence ?? 0) + 1
  const item = { group: identityGroup(where), id: ID, fence, body: encodeBody(epochs) }
  const result = await where.state.put(item, before.fence)
  return result.ok ? { fence, epochs } : fromItem(result.stored)
}

/**
 * What keys the window state that serves, of a definition with that fingerprint. One read.
 *
 * @throws SluiceError SWITCH_INTERRUPTED
 */
export async function servingFingerprint(where: Where): Promise<string> {
  const { serving, switching } = (await loadEpochs(where)).epochs
  if (switching) throw switchInterrupted(where)
  return epochFingerprint(where.fingerprint, serving.number)
}

/** What keys the window state of an epoch. */
export function epochFingerprint(fingerprint: string, epoch: number): string {
  return epoch === 0 ? fingerprint : `${fingerprint}.${epoch}`
}

/** @throws SluiceError SWITCH_INTERRUPTED */
export function switchInterrupted({ plan }: Pick<Scope, 'plan'>): SluiceError {
  return new SluiceError(
    'SWITCH_INTERRUPTED',
    `Expected the tables of "${plan.name}" to be of one epoch, found a switch to rebuilt ones that did not end: some may be new and some ` +
      `old. Run sluice switch ${plan.name}, which goes on where it stopped.`,
    { details: { pipeline: plan.name } },
  )
}
