import { systemClock } from '#adapters/system/clock.ts'
import { lagOf, shapeOf, topicOf } from '#cli/lag.ts'
import type { Lag, PartitionLag } from '#cli/partition-lag.ts'
import type { Terminal } from '#cli/terminal.ts'
import { count, isoTime } from '#cli/text.ts'
import { type Duration, formatDuration, parseDuration } from '#core/duration.ts'
import type { EpochMillis, Millis } from '#core/time.ts'
import type { DataFolder, FolderPipeline } from '#local/data-folder.ts'
import { openSource, type TopicLocation } from '#local/topics.ts'

/** A partition that the watermark waits for. */
export interface Waited {
  readonly partition: number
  /** Records appended and not applied. */
  readonly lag: number
  readonly maxEventTime: EpochMillis | null
  /** It is behind by more than the topic's disorder explains. */
  readonly lagging: boolean
  /** Append time of the first record that is not applied: since when it waits. */
  readonly since: EpochMillis | null
}

/** Why windows are open. */
export interface OpenReasons {
  readonly closedUpTo: EpochMillis | null
  readonly watermark: EpochMillis | null
  readonly outOfOrder: Millis
  /** Partitions that set the watermark: none when everything is applied. */
  readonly waitedFor: readonly Waited[]
  /** When everything is applied: the newest event time, and when it was appended. Event time goes on with the clock from there. */
  readonly newest: { readonly eventTime: EpochMillis; readonly appendTime: EpochMillis } | null
}

/** What keeps windows from closing. A read of the topic for each partition that the watermark waits for. */
export async function openReasons(
  folder: DataFolder,
  pipeline: FolderPipeline,
  terminal: Terminal,
): Promise<OpenReasons> {
  const topic = await topicOf(folder, pipeline, undefined, terminal)
  const lag = await lagOf(folder, pipeline, topic)
  const outOfOrder = parseDuration((shapeOf(pipeline)['out of order'] ?? '0 seconds') as Duration, { allowZero: true })
  const behind = lag.partitions.filter((one) => one.state === 'live' || one.state === 'lagging')
  const setting = behind.filter(({ watermark }) => watermark === null || watermark === lag.watermark)
  const { watermark, closedUpTo } = lag
  const waitedFor = await waited(topic, setting)
  return { closedUpTo, watermark, outOfOrder, waitedFor, newest: behind.length > 0 ? null : newestOf(lag) }
}

async function waited(topic: TopicLocation, setting: readonly PartitionLag[]): Promise<readonly Waited[]> {
  if (setting.length === 0) return []
  const source = await openSource(topic, systemClock)
  try {
    const all: Waited[] = []
    for (const { partition, lag, maxEventTime, state, offset } of setting) {
      const next = await source.read(partition, offset, { maxRecords: 1, maxBytes: 1 })
      all.push({ partition, lag, maxEventTime, lagging: state === 'lagging', since: next?.timestamps[0] ?? null })
    }
    return all
  } finally {
    await source.close()
  }
}

/** The record by which event time goes on with the clock: see `readWatermark`. */
function newestOf({ partitions }: Lag): OpenReasons['newest'] {
  let newest: OpenReasons['newest'] = null
  const ahead = (eventTime: EpochMillis, appendTime: EpochMillis): boolean =>
    newest === null || eventTime - appendTime > newest.eventTime - newest.appendTime
  for (const { maxEventTime, maxEventAppendTime } of partitions) {
    if (maxEventTime === null || maxEventAppendTime === null) continue
    if (ahead(maxEventTime, maxEventAppendTime)) newest = { eventTime: maxEventTime, appendTime: maxEventAppendTime }
  }
  return newest
}

/** When a window that ends then closes by the clock, if nothing else comes; null when it waits for records. */
export function closesAt({ newest, outOfOrder }: OpenReasons, end: EpochMillis): EpochMillis | null {
  return newest === null ? null : end + outOfOrder - newest.eventTime + newest.appendTime
}

/** In sentences. */
export function reasonsText(reasons: OpenReasons, zone: string): string {
  const { closedUpTo, watermark, outOfOrder, waitedFor, newest } = reasons
  const time = (instant: EpochMillis): string => isoTime(instant, zone)
  const closed = closedUpTo === null ? 'No window is closed yet.' : `Windows are closed up to ${time(closedUpTo)}.`
  const stands =
    watermark === null
      ? 'There is no watermark yet.'
      : `A window closes when the watermark reaches its end; it stands at ${time(watermark)}.`
  const lines = [`${closed} ${stands}`]
  for (const { partition, lag, maxEventTime, lagging, since } of waitedFor) {
    const what = lagging ? 'lags and holds the watermark back' : 'sets the watermark'
    const waits = `${count(lag)} ${lag === 1 ? 'record is' : 'records are'} not applied${since === null ? '' : `, the first since ${time(since)}`}`
    const newestText =
      maxEventTime === null ? 'none was applied yet' : `the newest event applied is of ${time(maxEventTime)}`
    lines.push(`Partition ${partition} ${what}: ${waits}; ${newestText}.`)
  }
  if (waitedFor.length > 0)
    lines.push(`Disorder of ${formatDuration(outOfOrder)} is allowed for below the newest event.`)
  if (newest !== null) {
    lines.push(
      `Everything is applied. The newest event is of ${time(newest.eventTime)}, appended ${time(newest.appendTime)}: from there event ` +
        `time goes on with the clock, less a disorder of ${formatDuration(outOfOrder)}.`,
    )
  } else if (waitedFor.length === 0) lines.push('No record with an event time was applied yet.')
  return `${lines.join('\n')}\n`
}
