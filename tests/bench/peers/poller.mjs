// A tuned poller over the outbox itself: claims of 500 rows with SKIP LOCKED, whose locks last until all are posted and recorded.
import pg from 'pg'
import { connections, database, items, post, verb } from './sink.mjs'

const claims = 3 // while one is being recorded, the others post
const pool = new pg.Pool({ connectionString: database, max: claims })

if (verb === 'fill') {
  await pool.query('create index if not exists poller_pending on tandem.outbox (counter) where request_state = 1')
} else {
  let done = 0
  await Promise.all(Array.from({ length: claims }, async () => {
    const session = await pool.connect()
    while (done < items) {
      await session.query('begin')
      const { rows } = await session.query({
        name: 'claim', text: 'select counter, object_id, body from tandem.outbox where request_state = 1 order by counter limit 500 for update skip locked'
      })
      let next = 0
      await Promise.all(Array.from({ length: connections }, async () => {
        while (next < rows.length) {
          const row = rows[next++]
          await post(row.object_id, row.body)
        }
      }))
      await session.query({
        name: 'record', values: [rows.map((row) => row.counter)],
        text: "update tandem.outbox set request_state = 3, outcome = 'delivered', attempts = 1, answer_status = 200, date_time_update = now() where counter = any ($1::bigint[])"
      })
      await session.query('commit')
      done += rows.length
      if (rows.length === 0) break
    }
    session.release()
  }))
}
await pool.end()
process.exit(0)
