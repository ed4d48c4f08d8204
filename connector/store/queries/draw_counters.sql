-- $1 how many: counters of the inbox, ascending, for what this transaction is going to store. Runs behind draw_xid: the xid comes first.
select array(select nextval('tandem.inbox_counter_seq') from generate_series(1, $1::integer)) as counters
