/** Above this the table would leave the processor's second-level cache; a Map is as fast then. */
const TABLE_MAX = 1 << 18

/** Numbers the distinct whole numbers ≥ 0 that it is given 0, 1, 2 … in the order of their first appearance. */
export class Interner {
  /** Distinct values seen since `reset`. */
  count = 0
  private table = new Int32Array(0)
  private readonly map = new Map<number, number>()
  private seen: number[] = []
  private dense = true

  /** Forgets everything; all values to come are below `range`. */
  reset(range: number): void {
    if (this.dense) for (let i = 0; i < this.count; i++) this.table[this.seen[i]!] = -1
    else this.map.clear()
    this.count = 0
    this.dense = range <= TABLE_MAX
    if (this.dense && this.table.length < range) this.table = new Int32Array(Math.max(range, 1024)).fill(-1)
  }

  intern(value: number): number {
    const known = this.dense ? this.table[value]! : (this.map.get(value) ?? -1)
    if (known >= 0) return known
    const number = this.count++
    if (this.dense) {
      this.table[value] = number
      this.seen[number] = value
    } else {
      this.map.set(value, number)
    }
    return number
  }
}
