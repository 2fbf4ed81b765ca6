import { describe, expect, it } from 'vitest'
import { MemoryStateStore } from '#adapters/memory/state-store.ts'
import { stateIdentity } from '#runtime/identity.ts'
import { identityGroup } from '#runtime/keys.ts'
import { testWorld } from '../../../lib/testing/index.ts'
import { anotherProcess, meddled, rooms } from './builders.ts'

describe('the identity of a state', () => {
  it('is given once: another process finds the same', async () => {
    const { runtime } = testWorld(rooms)
    const identity = await stateIdentity(runtime)
    expect(identity).toBe('00000000-0000-4000-8000-000000000001')
    expect(await stateIdentity(runtime)).toBe(identity)
    expect(await stateIdentity(anotherProcess(runtime))).toBe(identity)
  })

  it('of another state is another', async () => {
    const first = anotherProcess(testWorld(rooms).runtime, 'first')
    const second = anotherProcess(testWorld(rooms).runtime, 'second')
    expect(await stateIdentity(second)).not.toBe(await stateIdentity(first))
  })

  it('is the winner’s for two that ask a new state at once', async () => {
    const state = new MemoryStateStore()
    const winner = anotherProcess(testWorld(rooms, {}, { state }).runtime, 'winner')
    const loser = anotherProcess(winner, 'loser')
    const asked = meddled(state, identityGroup(winner), () => stateIdentity(winner))
    expect(await stateIdentity({ ...loser, state: asked })).toBe('winner-1')
    expect(await stateIdentity(loser)).toBe('winner-1')
  })
})
