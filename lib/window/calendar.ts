import { DAY, type EpochMillis } from '#core/time.ts'
import { zone } from '#core/zone.ts'
import type { CalendarUnit } from '#plan/plan.ts'

/** One civil day, week, month, quarter or year; `next` is filled in when somebody has asked for it. */
interface Period {
  readonly start: EpochMillis
  readonly end: EpochMillis
  next: Period | undefined
}

/** About eleven years of days; a full cache is dropped, not trimmed. */
const CACHED_DAYS_MAX = 4096

/**
 * The civil periods of one unit in one zone. Time-zone arithmetic costs microseconds and windows are asked for once a slice,
 * so the period in which each UTC day begins is remembered, and periods are linked to their successors.
 */
class Calendar {
  private readonly byUtcDay = new Map<number, Period>()
  private readonly unit: CalendarUnit
  private readonly zone: ReturnType<typeof zone>

  /** @throws SluiceError TIME_ZONE_UNKNOWN */
  constructor(unit: CalendarUnit, zoneName: string) {
    this.unit = unit
    this.zone = zone(zoneName)
  }

  /** The period that contains `t`. */
  periodOf(t: EpochMillis): { readonly start: EpochMillis; readonly end: EpochMillis } {
    return this.find(t)
  }

  /** The periods from the one that contains `t`, without end. */
  *periodsFrom(t: EpochMillis): Generator<{ readonly start: EpochMillis; readonly end: EpochMillis }, never> {
    let period = this.find(t)
    for (;;) {
      yield period
      // Not linked here: a walk over centuries must not keep them all.
      period = period.next ?? this.periodStartingAt(period.end)
    }
  }

  private find(t: EpochMillis): Period {
    const day = Math.floor(t / DAY)
    let period = this.byUtcDay.get(day)
    if (period === undefined) {
      if (this.byUtcDay.size >= CACHED_DAYS_MAX) this.byUtcDay.clear()
      period = this.periodStartingAt(this.zone.startOfCivil(this.unit, day * DAY))
      this.byUtcDay.set(day, period)
    }
    while (t >= period.end) {
      period.next ??= this.periodStartingAt(period.end)
      period = period.next
    }
    return period
  }

  private periodStartingAt(start: EpochMillis): Period {
    return { start, end: this.zone.nextCivil(this.unit, start), next: undefined }
  }
}

const calendars = new Map<string, Calendar>()

/** The shared calendar of a unit and zone: a pure function's memo, one entry for each pair that a plan names. */
export function calendar(unit: CalendarUnit, zoneName: string): Calendar {
  const name = `${unit} ${zoneName}`
  let found = calendars.get(name)
  if (found === undefined) {
    found = new Calendar(unit, zoneName)
    calendars.set(name, found)
  }
  return found
}
