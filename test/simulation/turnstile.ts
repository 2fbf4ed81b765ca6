import { SluiceError } from '#core/errors.ts'
import type { Calls, Ports } from '../support/faulty-ports.ts'
import type { Fault } from './steps.ts'

/** No task makes so many calls, but one that goes round in circles. */
const ENDLESS = 20_000

const NEVER = new Promise<never>(() => {})

/**
 * The way of one process to its ports. It lets so many calls pass, makes the last of them go wrong if it is told to, and holds up
 * the next one until it is opened again. Processes whose ways are opened one at a time run one at a time, so a run depends on nothing
 * but the order in which they are opened.
 */
export class Turnstile<P extends Ports> implements Calls<P> {
  readonly ports: P
  /** Names of the calls since it was last opened, for those who read a failure. */
  passed: string[] = []
  #left = 0
  #fault: Fault | null = null
  #dead = false
  #waiting: (() => void)[] = []
  #halted = Promise.withResolvers<void>()

  constructor(ports: P) {
    this.ports = ports
  }

  get isDead(): boolean {
    return this.#dead
  }

  /** Resolves when a call is held up after so many have passed, or the process has died. */
  open(calls: number, fault: Fault | null): Promise<void> {
    this.#left = calls
    this.#fault = fault
    this.passed = []
    this.#halted = Promise.withResolvers<void>()
    const waiting = this.#waiting
    this.#waiting = []
    for (const resume of waiting) resume()
    if (this.#dead) this.#halted.resolve()
    return this.#halted.promise
  }

  die(): void {
    this.#dead = true
    this.#waiting = []
    this.#halted.resolve()
  }

  read<T>(name: string, act: (ports: P) => Promise<T>): Promise<T> {
    return this.#pass(name, act)
  }

  write<T>(name: string, act: (ports: P) => Promise<T>): Promise<T> {
    return this.#pass(name, act)
  }

  note<T>(act: (ports: P) => Promise<T>): Promise<T> {
    return act(this.ports)
  }

  async #pass<T>(name: string, act: (ports: P) => Promise<T>): Promise<T> {
    while (this.#left === 0 && !this.#dead) await this.#hold()
    if (this.#dead) return NEVER
    this.#left--
    this.passed.push(name)
    if (this.passed.length > ENDLESS) throw new Error(`no end after ${ENDLESS} calls, the last one: ${name}`)
    const fault = this.#left === 0 ? this.#fault : null
    if (fault === null) return act(this.ports)
    if (fault === 'crash before') this.die()
    if (this.#dead) return NEVER
    const result = fault === 'fails' ? null : await act(this.ports)
    if (fault === 'crash after') this.die()
    if (this.#dead) return NEVER
    if (fault === 'answer slow') {
      await this.#hold()
      return this.#dead ? NEVER : (result as T)
    }
    throw new SluiceError('STORE_UNAVAILABLE', `${fault} (injected): ${name}`, { retryable: true })
  }

  #hold(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push(resolve)
    this.#halted.resolve()
    return promise
  }
}
