/** Whose state it is: a Runtime, or as much of one as a reader without the plan's module knows. */
export interface Scope {
  readonly plan: { readonly name: string; readonly topic: { readonly name: string } }
  readonly fingerprint: string
  /** Number of the rebuild whose lake items lie beside those of the state that serves; absent for the latter. */
  readonly rebuild?: number
}

/** Groups of state items. Lake items outlive a change of the windows; window items belong to one definition of them. */
export const lakeGroup = ({ plan, rebuild }: Scope): string =>
  rebuild === undefined ? `${plan.name}/lake/${plan.topic.name}` : `${plan.name}/rebuild ${rebuild}/lake`
export const lateGroup = ({ plan, fingerprint }: Scope): string => `${plan.name}/${fingerprint}/late`
export const progressGroup = ({ plan, fingerprint }: Scope): string => `${plan.name}/${fingerprint}/progress`
export const pageGroup = ({ plan, fingerprint }: Scope): string => `${plan.name}/${fingerprint}/pages`
/** Pieces of pages that were split. */
export const leafGroup = ({ plan, fingerprint }: Scope): string => `${plan.name}/${fingerprint}/leaves`
export const dirtyGroup = ({ plan, fingerprint }: Scope): string => `${plan.name}/${fingerprint}/dirty`
export const controlGroup = ({ plan, fingerprint }: Scope): string => `${plan.name}/${fingerprint}/control`
/** All groups that one definition's windows have in one epoch. */
export const windowGroups = (scope: Scope): readonly string[] =>
  [lateGroup, progressGroup, pageGroup, leafGroup, dirtyGroup, controlGroup].map((group) => group(scope))
export const identityGroup = ({ plan }: Scope): string => `${plan.name}/identity`
export const leaseGroup = ({ plan }: Scope): string => `${plan.name}/leases`

export const MARK_ID = 'mark'
export const CLOSE_ID = 'close'
/** Like the marks of other readers of results: its fence says how far the detectors are. */
export const DETECT_ID = 'delivered/detect'

/** Delta `txn` and SQL fence of one partition's rows. */
export const partitionAppId = ({ plan }: Scope, partition: number): string =>
  `sluice/${plan.name}/${plan.topic.name}/${partition}`

/** Delta `txn` and SQL fence of an output's published windows. */
export const closeAppId = ({ plan, fingerprint }: Scope, output: string): string =>
  `sluice/${plan.name}/${output}/close/${fingerprint}`

/** Delta `txn` and SQL fence of a detector's alerts. */
export const detectAppId = ({ plan, fingerprint }: Scope, output: string): string =>
  `sluice/${plan.name}/${output}/detect/${fingerprint}`

export const partitionId = (partition: number): string => String(partition).padStart(5, '0')

const PAGE_ORIGIN = 2 ** 40

/**
 * Page ids sort like their time, negative indexes included; one page a (span of time, partition). The ids of its pieces begin with it,
 * in a group of their own.
 */
export const pageId = (index: number, partition: number): string => `${pageIdPrefix(index)}/${partitionId(partition)}`

export const pageIdPrefix = (index: number): string => (index + PAGE_ORIGIN).toString(16).padStart(11, '0')

export function parsePageId(id: string): { readonly index: number; readonly partition: number } {
  const [index = '', partition = ''] = id.split('/')
  return { index: Number.parseInt(index, 16) - PAGE_ORIGIN, partition: Number.parseInt(partition, 10) }
}
