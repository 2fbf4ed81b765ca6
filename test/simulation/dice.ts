import { dice } from '../support/dice.ts'

/** Choices that depend on the seed alone. */
export class Dice {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = dice(seed)
  }

  chance(probability: number): boolean {
    return this.#random() < probability
  }

  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.#random() * (max - min + 1))
  }

  pick<T>(values: readonly T[]): T {
    return values[this.int(0, values.length - 1)]!
  }

  /** Each of the values with the probability, at least one of them. */
  some<T>(values: readonly T[], probability: number): readonly T[] {
    const found = values.filter(() => this.chance(probability))
    return found.length > 0 ? found : [this.pick(values)]
  }

  /** One of the choices, as often as their weights say. */
  weighted<T>(choices: readonly (readonly [weight: number, choice: T])[]): T {
    let left = this.#random() * choices.reduce((sum, [weight]) => sum + weight, 0)
    for (const [weight, choice] of choices) {
      left -= weight
      if (left < 0) return choice
    }
    return choices.at(-1)![1]
  }
}
