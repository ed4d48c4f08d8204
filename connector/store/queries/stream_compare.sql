-- $1 watch. One stretch of a comparison: the state of the watch after it, records written so far.
select state, told from tandem.compare_step($1::text)
