-- For each watch its table, fully qualified, and the function that reads the newest image of one of its objects as capture would write it.
select w.watch, w.relation::regclass::text as relation, w.live_function::text as live_function from tandem.watch w
