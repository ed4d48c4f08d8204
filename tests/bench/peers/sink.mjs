// What every peer shares: its arguments, and a pool of kept connections that posts one item.
import { Pool } from 'undici'

export const [database, sink, verb, count] = process.argv.slice(2)
export const items = Number(count)
export const connections = 32

const pool = new Pool(sink, { connections, pipelining: 1 })

export async function post(id, body) {
  const answer = await pool.request({
    method: 'POST', path: `/opportunity/${id}`, body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', 'idempotency-key': String(id) }
  })
  await answer.body.dump()
  if (answer.statusCode !== 200) throw new Error(`the sink answered ${answer.statusCode}`)
}
