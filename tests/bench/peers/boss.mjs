// pg-boss with batches of 500 fetched in bursts; a batch is completed in one statement.
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { connections, database, items, post, verb } from './sink.mjs'

const boss = new PgBoss({ connectionString: database, supervise: false, schedule: false })
boss.on('error', (error) => { throw error })
await boss.start()
const session = new pg.Client({ connectionString: database })
await session.connect()

if (verb === 'fill') {
  await boss.createQueue('item')
  for (let from = 0; ; from += 2000) {
    const { rows } = await session.query('select object_id, body from tandem.outbox order by counter offset $1 limit 2000', [from])
    if (rows.length === 0) break
    await boss.insert('item', rows.map((row) => ({ data: { id: row.object_id, body: row.body } })))
  }
} else {
  let done = 0
  await boss.work('item', { batchSize: 500, localConcurrency: 2, pollingIntervalSeconds: 0.5, burstWhenBatchFull: true }, async (jobs) => {
    let next = 0
    await Promise.all(Array.from({ length: connections }, async () => {
      while (next < jobs.length) {
        const { data } = jobs[next++]
        await post(data.id, data.body)
      }
    }))
    done += jobs.length
  })
  const pause = () => new Promise((resolve) => { setTimeout(resolve, 20) })
  while (done < items) await pause()
  while ((await session.query("select from pgboss.job where name = 'item' and state < 'completed' limit 1")).rowCount > 0) await pause()
}
process.exit(0)
