import { readFileSync } from 'node:fs'

interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string }
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** Self time of V8 CPU profiles by layer of lib/, as a Markdown table; Node's own functions by module. */
export function timeByLayer(files: readonly string[]): string {
  const micros = new Map<string, number>()
  for (const file of files) {
    const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8')) as Profile
    const layers = new Map(nodes.map(({ id, callFrame }) => [id, layerOf(callFrame.url, callFrame.functionName)]))
    samples.forEach((id, i) => {
      const layer = layers.get(id)!
      micros.set(layer, (micros.get(layer) ?? 0) + timeDeltas[i]!)
    })
  }
  micros.delete('(idle)')
  const total = [...micros.values()].reduce((sum, one) => sum + one, 0)
  const rows = [...micros]
    .sort((a, b) => b[1] - a[1])
    .filter(([, time]) => time > total / 200)
    .map(([layer, time]) => `| ${layer} | ${(time / 1e6).toFixed(2)} | ${((100 * time) / total).toFixed(0)} % |\n`)
  return `| part | s | share |\n|---|---|---|\n${rows.join('')}`
}

function layerOf(url: string, functionName: string): string {
  const own = /\/lib\/([a-z]+(?:\/[a-z]+)?)\//.exec(url)?.[1]
  if (own !== undefined) return own.startsWith('adapters/') ? own : own.split('/')[0]!
  if (url.startsWith('node:')) return url
  if (url.includes('/pipelines/')) return 'pipelines'
  const packageName = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1]
  return packageName ?? (functionName.startsWith('(') ? functionName : 'node (native)')
}
