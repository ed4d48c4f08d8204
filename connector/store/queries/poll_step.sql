-- $1 watch. One step: its state (null: not polled any more), milliseconds until there is more to do, records written, those of a comparison that has ended.
select state, wait, written, compared from tandem.poll_step($1::text)
