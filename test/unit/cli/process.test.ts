import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../support/temp.ts'

const bin = fileURLToPath(new URL('../../../bin/sluice.mjs', import.meta.url))

function start(args: readonly string[]) {
  const child = spawn(process.execPath, [bin, ...args], { cwd: temporaryFolder(), stdio: ['ignore', 'pipe', 'pipe'] })
  const exit = once(child, 'exit')
  return { child, errors: text(child.stderr), exit }
}

describe('The process', () => {
  test('stops a live pipeline cleanly at Ctrl-C, also when npm sends it twice', async () => {
    const { child, errors, exit } = start(['dev', '--no-sql'])
    let out = ''
    child.stdout.setEncoding('utf8')
    for await (const chunk of child.stdout) {
      if (!out.includes('\n')) for (let i = 0; i < 2; i++) child.kill('SIGINT')
      out += chunk
    }
    expect(await exit).toEqual([0, null])
    expect(out).toContain('Stopped after')
    expect(await errors).toBe('')
  })

  test('stops cleanly when its window is closed', async () => {
    const { child, exit } = start(['dev', '--no-sql'])
    await once(child.stdout, 'data')
    child.kill('SIGHUP')
    expect(await text(child.stdout)).toContain('Stopped after')
    expect(await exit).toEqual([0, null])
  })

  test('ends quietly when nobody reads on, as with | head', async () => {
    const { child, errors, exit } = start(['dev', '--json', '--no-sql'])
    await once(child.stdout, 'data')
    child.stdout.destroy()
    expect(await exit).toEqual([0, null])
    expect(await errors).toBe('')
  })
})
