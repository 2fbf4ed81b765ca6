import type { EpochMillis, Millis } from '#core/time.ts'
import type { PlanChoice } from './plans.ts'
import type { Fed } from './records.ts'

/** What happens at a call to a port, beside that whoever made it stands still afterwards. */
export type Fault =
  /** It has no effect, and an error that may be retried comes back: throttling, a timeout. */
  | 'fails'
  /** It has its effect, and an error comes back. */
  | 'answer lost'
  /** It has its effect, and its answer comes only when the process goes on. */
  | 'answer slow'
  | 'crash before'
  | 'crash after'

/** The consumers of the topic, each with offsets of its own. */
export type Consumer = 'lake' | 'windows' | 'rows'

/** Records from `back` before what the consumer has committed, at most `size` of them. */
export interface Part {
  readonly partition: number
  readonly back: number
  readonly size: number
}

export type Task =
  | { readonly do: 'deliver'; readonly to: Consumer; readonly parts: readonly Part[] }
  /** `leased`: as the schedule does it, not where somebody else holds the lease. */
  | { readonly do: 'commit'; readonly leased: boolean }
  | { readonly do: 'close'; readonly leased: boolean }
  /** Closes every window that holds data, as if the input were over. */
  | { readonly do: 'close all' }
  | { readonly do: 'deliver results to tables' }
  | { readonly do: 'deliver results to sql' }

/**
 * One step of a schedule. `who` are processes: each does one task at a time, keeps its caches from one to the next, and stands still
 * after `calls` calls to ports (null: at the end of its task), while the others go on.
 */
export type Step =
  /** Appends the records, after the clock has moved. */
  | { readonly do: 'feed'; readonly advance: Millis; readonly records: readonly Fed[] }
  | { readonly do: 'wait'; readonly advance: Millis }
  /** Whatever it had in hand, it brings to an end first. */
  | {
      readonly do: 'start'
      readonly who: number
      readonly task: Task
      readonly calls: number | null
      readonly fault: Fault | null
    }
  | { readonly do: 'go on'; readonly who: number; readonly calls: number | null; readonly fault: Fault | null }
  /** The process is gone; a new one comes when it is needed. */
  | { readonly do: 'kill'; readonly who: number }
  | { readonly do: 'grow'; readonly partitions: number }

/** All that a run depends on. */
export interface Schedule {
  readonly plan: PlanChoice
  readonly partitions: number
  /** What the clock shows at first. */
  readonly now: EpochMillis
  readonly steps: readonly Step[]
  /** The topic is deleted and created again at the end, and filled with other records. */
  readonly recreate: boolean
  /** Pages of state are split when they hold a few groups. */
  readonly splitsEarly: boolean
}

/** Records of all feeds, in the order they are appended. */
export const recordsOf = (steps: readonly Step[]): readonly Fed[] =>
  steps.flatMap((step) => (step.do === 'feed' ? step.records : []))
