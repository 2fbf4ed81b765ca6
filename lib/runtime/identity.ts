import { decodeBody, encodeBody } from '#runtime/json-body.ts'
import { identityGroup } from '#runtime/keys.ts'
import type { Runtime } from '#runtime/runtime.ts'

const ID = 'state'

/**
 * The name of this state store's content, given when it is first asked for. Offsets that a broker keeps for a consumer group are
 * true for the state that they were committed for, and for no other: a new data folder must not go on where another one is. The same
 * holds for the tables and fences in a database, which are this name's.
 * One read; one write the first time.
 */
export async function stateIdentity(runtime: Runtime): Promise<string> {
  const group = identityGroup(runtime)
  let item = await runtime.state.get(group, ID)
  if (item === undefined) {
    const fresh = { group, id: ID, fence: 1, body: encodeBody(runtime.ids.next()) }
    const result = await runtime.state.put(fresh, null)
    item = result.ok ? fresh : result.stored!
  }
  return decodeBody<string>(item.body, `${group}/${ID}`)
}
