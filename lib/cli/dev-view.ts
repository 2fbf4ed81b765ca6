import type { EpochMillis, Millis } from '#core/time.ts'
import type { LocalCounts } from '#local/local-pipeline.ts'

/** A pipeline that runs, at one moment: what the dashboard and the lines show. */
export interface DevView {
  readonly pipeline: string
  readonly dataFolder: string
  /** What it is fed with. */
  readonly feed: string
  /** IANA zone of the times that are shown. */
  readonly zone: string
  readonly uptime: Millis
  /** Records a second over the last seconds. */
  readonly inPerSecond: number
  readonly appliedPerSecond: number
  readonly counts: LocalCounts
  /** Records in the topic that are not applied. */
  readonly lag: number
  readonly watermark: EpochMillis | null
  /** Partitions that hold the watermark back. */
  readonly holding: readonly number[]
  readonly closedUpTo: EpochMillis | null
  readonly tables: readonly TableView[]
  /** The last closed window of each output that publishes every group. */
  readonly windows: readonly ClosedWindow[]
  /** The last rows of outputs that publish only what passes a condition, newest first. */
  readonly notable: readonly Notable[]
  /** Newest first. */
  readonly quarantined: readonly Quarantined[]
  /** What the user should know now: the input is read, something is tried again. */
  readonly notices: readonly string[]
}

export interface TableView {
  readonly name: string
  readonly rows: number
  readonly version: number
}

export interface ClosedWindow {
  readonly output: string
  readonly start: EpochMillis
  readonly end: EpochMillis
  /** Names of the group columns and of the value. */
  readonly groupedBy: string
  readonly measure: string
  /** All groups, the largest value first. */
  readonly groups: readonly { readonly label: string; readonly value: number }[]
}

/** Windows of one group that overlap and pass the condition: one thing that happened, shown at its peak. */
export interface Notable {
  readonly output: string
  readonly label: string
  readonly measure: string
  readonly value: number
  readonly start: EpochMillis
  readonly end: EpochMillis
  /** End of the last of the windows. */
  readonly until: EpochMillis
}

export interface Quarantined {
  readonly reason: string
  readonly detail: string | null
  readonly partition: number
  readonly offset: number
}

/** Something happened that is worth a line. */
export type DevEvent =
  | { readonly event: 'started'; readonly pipeline: string; readonly dataFolder: string; readonly feed: string }
  | { readonly event: 'first rows'; readonly table: string; readonly rows: number }
  | { readonly event: 'window closed'; readonly window: ClosedWindow }
  | { readonly event: 'notable'; readonly notable: Notable }
  | {
      readonly event: 'input read'
      readonly inputs: readonly string[]
      /** Those of them that added nothing: the topic had all of their content. */
      readonly fedBefore: readonly string[]
      readonly records: number
      readonly malformed: number
      /** Of each output; null when none has closed so far. */
      readonly openWindows: Readonly<Record<string, number>> | null
    }
  | { readonly event: 'notice'; readonly message: string }
  /** The partition keeps windows open: it has so many records that are not applied. */
  | { readonly event: 'held'; readonly partition: number; readonly lag: number; readonly since: string }
  | { readonly event: 'retry'; readonly stage: string; readonly attempt: number; readonly message: string }
