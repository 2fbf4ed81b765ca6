import { sensorsScenario } from './sensors.ts'
import { runPlain, worldOf } from './ways.ts'
const s = sensorsScenario({ count: 48 })
for (let i = 0; i < 20; i++) { const w = await runPlain(s); await w.contents({ coordinates: true }) }
let t = performance.now()
let read = 0
for (let i = 0; i < 40; i++) { const w = await runPlain(s); const r = performance.now(); await w.contents({ coordinates: true }); read += performance.now() - r }
console.log((performance.now() - t) / 40, read / 40)
