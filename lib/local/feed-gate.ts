/**
 * Keeps the closer from looking at a topic that is half fed. A feeder packs records of all partitions and appends them partition
 * by partition: in between, one partition may hold records that are days ahead of another that looks caught up, and a watermark
 * read then would make what follows late. So a feeder holds the gate while it appends, and after a crash until every partition
 * has what the others have.
 */
export class FeedGate {
  #holds = 0
  #moreToCome = true
  #waiting: (() => void)[] = []

  /** False once whoever feeds has come to the end: from then on a quiet topic is a topic where nothing happens. */
  get moreToCome(): boolean {
    return this.#moreToCome
  }

  /** The input is over. */
  end(): void {
    this.#moreToCome = false
  }

  /** Closes the gate until the returned function is called (once; later calls do nothing). */
  hold(): () => void {
    this.#holds++
    let held = true
    return () => {
      if (!held) return
      held = false
      this.#holds--
      if (this.#holds > 0) return
      const waiting = this.#waiting
      this.#waiting = []
      for (const resolve of waiting) resolve()
    }
  }

  /** Resolves with true when nobody holds the gate; with false when the signal aborts first. */
  async passage(signal: AbortSignal): Promise<boolean> {
    const aborted = Promise.withResolvers<void>()
    const giveUp = (): void => aborted.resolve()
    signal.addEventListener('abort', giveUp)
    while (this.#holds > 0 && !signal.aborted) {
      const released = new Promise<void>((resolve) => this.#waiting.push(resolve))
      await Promise.race([released, aborted.promise])
    }
    signal.removeEventListener('abort', giveUp)
    return !signal.aborted
  }
}
