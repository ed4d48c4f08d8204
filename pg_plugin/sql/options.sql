-- Every option is checked; nothing is ignored.
\set VERBOSITY terse
select * from pg_logical_slot_get_binary_changes('regress', null, null);
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '2');
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'protocol_version', '1');
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'colour', 'red');
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'tables', 'some');
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'tables', 'all', 'table', 'public.a');
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'origin', 'mine');
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'boundaries', 'perhaps');
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'table', '');
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'table', 'a');
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'table', 'public.');
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'table', 'public.a(');
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'table', 'public.a(b');
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'table', 'public.a() insert');
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'table', 'public.a upsert');
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'table', 'public."a');
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'table', 'public.""');
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'table', 'public.' || repeat('n', 64));
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'table', repeat('(', 100000));
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'table', repeat('x', 2000000));
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'table', 'public.a insert', 'table', 'public.A delete');
select * from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'colour' || repeat('ü', 150), 'red');
-- Right ones, in every spelling.
select * from frames('regress', 'table', ' public . A ( "B c" , d ) insert  delete ', 'table', '"S ""q"""."T"', 'origin', 'any', 'boundaries', 'off');
select * from frames('regress', 'origin', 'none');
