import { CONTROLS, firstRed } from './run-seed.ts'

/** Whether every way of breaking exactly-once makes one of the seeds fail; tells of each which one. */
export async function controlsShow(from: number, seeds: number): Promise<boolean> {
  let green = 0
  for (const control of CONTROLS) {
    const { name } = control
    const red = await firstRed(control, from, seeds)
    if (red === null) green++
    console.log(red === null ? `not seen: ${name}` : `seed ${red.seed} fails when ${name}: ${red.fault.slice(0, 120)}`)
  }
  return green === 0
}
