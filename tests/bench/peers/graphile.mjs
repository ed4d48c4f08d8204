// graphile-worker as its performance page makes it fast: local queue, batched completion.
import { Logger, run, runMigrations } from 'graphile-worker'
import pg from 'pg'
import { connections, database, items, post, verb } from './sink.mjs'

const logger = new Logger(() => () => {})
const pool = new pg.Pool({ connectionString: database, max: 10 })

if (verb === 'fill') {
  await runMigrations({ pgPool: pool, logger })
  await pool.query(`select count(*) from graphile_worker.add_jobs(array(
    select ('item', json_build_object('id', object_id, 'body', body), null, null, null, null, null, null)::graphile_worker.job_spec from tandem.outbox))`)
} else {
  let done = 0
  let finish
  const finished = new Promise((resolve) => { finish = resolve })
  const runner = await run({
    pgPool: pool, noHandleSignals: true,
    preset: { worker: { logger, concurrentJobs: connections, localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
    taskList: {
      item: async ({ id, body }) => {
        await post(id, body)
        if (++done === items) finish()
      }
    }
  })
  await finished
  await runner.stop() // writes the completions that are still gathered
}
process.exit(0)
