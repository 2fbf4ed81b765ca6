import type { EpochMillis } from '#core/time.ts'
import type { Alert } from '#detect/alert.ts'
import type { PublishedAlert } from '#detect/state.ts'

/** An alert as it is now, for the tables. */
export interface AlertRevision {
  readonly alert: Alert
  readonly revision: number
  /** A correction has shown that there was nothing: the alert as it was before. */
  readonly withdrawn: boolean
}

export interface Publication {
  readonly published: readonly PublishedAlert[]
  readonly revisions: readonly AlertRevision[]
}

const idOf = ({ group, start, end }: Alert): string => JSON.stringify([start, end, group])

/**
 * What is different from what was published: new alerts, those that have changed, those that are no more. What can't change after
 * `settledTo` is not remembered.
 */
export function publish(
  before: readonly PublishedAlert[],
  alerts: readonly Alert[],
  settledTo: EpochMillis | null,
): Publication {
  const old = new Map(before.map((one) => [idOf(one.alert), one]))
  const published: PublishedAlert[] = []
  const revisions: AlertRevision[] = []
  for (const alert of alerts) {
    const known = old.get(idOf(alert))
    old.delete(idOf(alert))
    const same = known !== undefined && !known.withdrawn && JSON.stringify(known.alert) === JSON.stringify(alert)
    const revision = known === undefined ? 0 : known.revision + (same ? 0 : 1)
    if (!same) revisions.push({ alert, revision, withdrawn: false })
    if (mayChange(alert, settledTo)) published.push({ revision, alert, withdrawn: false })
  }
  for (const { alert, revision, withdrawn } of old.values()) {
    if (!withdrawn) revisions.push({ alert, revision: revision + 1, withdrawn: true })
    // Another correction may bring it back.
    if (settledTo !== null && alert.end <= settledTo) continue
    published.push({ alert, revision: withdrawn ? revision : revision + 1, withdrawn: true })
  }
  return { published, revisions: revisions.sort((a, b) => a.alert.end - b.alert.end) }
}

function mayChange({ resolved }: Alert, settledTo: EpochMillis | null): boolean {
  return resolved === null || settledTo === null || resolved.at > settledTo
}
