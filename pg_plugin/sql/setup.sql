-- A reader of the format of tandem_frame.h, for people and for these tests. What differs from run to run (ids, positions, times) is left out.
create function take_cstring(data bytea, inout at int, out value text) language plpgsql as $$
declare stop int := at;
begin
  while get_byte(data, stop) <> 0 loop stop := stop + 1; end loop;
  value := convert_from(substr(data, at + 1, stop - at), 'UTF8');
  at := stop + 1;
end $$;

create function take_number(data bytea, bytes int, inout at int, out value bigint) language plpgsql as $$
begin
  value := 0;
  for i in 1..bytes loop value := (value << 8) | get_byte(data, at); at := at + 1; end loop;
end $$;

create function take_value(data bytea, inout at int, out value text) language plpgsql as $$
declare head bigint := 0; shift int := 0; byte int;
begin
  loop
    byte := get_byte(data, at); at := at + 1;
    head := head | ((byte & 127)::bigint << shift); shift := shift + 7;
    exit when byte < 128;
  end loop;
  if head = 0 then value := 'null';
  elsif head = 1 then value := 'unchanged';
  else
    value := quote_literal(convert_from(substr(data, at + 1, (head - 2)::int), 'UTF8'));
    if length(value) > 60 then value := left(value, 20) || '… ' || (head - 2) || ' bytes'; end if;
    at := at + (head - 2)::int;
  end if;
end $$;

create unlogged table seen_relation (id bigint primary key, name text, columns int);

create function take_tuple(data bytea, columns int, inout at int, out value text) language plpgsql as $$
declare one record;
begin
  value := '';
  for i in 1..columns loop
    one := take_value(data, at); at := one.at;
    value := value || case when i > 1 then ', ' else '' end || one.value;
  end loop;
  value := '(' || value || ')';
end $$;

create function show_frame(data bytea) returns text language plpgsql as $$
declare
  tag text := chr(get_byte(data, 0)); at int := 1; n record; t record; line text; relation seen_relation; parts int; total int; flags int;
begin
  case tag
    when 'H' then line := 'hello version ' || get_byte(data, 1);
    when 'B' then at := 21; t := take_cstring(data, at); at := t.at; line := 'begin' || case when t.value <> '' then ' origin ' || t.value else '' end;
    when 'C' then at := 17; line := 'commit';
    when 'R' then
      n := take_number(data, 4, at); at := n.at; relation.id := n.value;
      t := take_cstring(data, at); at := t.at; relation.name := t.value;
      t := take_cstring(data, at); at := t.at; relation.name := relation.name || '.' || t.value;
      line := 'relation ' || relation.name;
      t := take_cstring(data, at); at := t.at;
      line := line || ' of ' || t.value;
      t := take_cstring(data, at); at := t.at;
      line := line || '.' || t.value || ' identity ' || chr(get_byte(data, at)); at := at + 1;
      n := take_number(data, 2, at); at := n.at; relation.columns := n.value;
      for i in 1..relation.columns loop
        flags := get_byte(data, at); at := at + 1;
        t := take_cstring(data, at); at := t.at;
        n := take_number(data, 4, at); at := n.at;
        line := line || case when i = 1 then ': ' else ', ' end || t.value || ' ' || case when n.value < 16384 then n.value::regtype::text else 'user type' end
          || case when flags = 1 then ' key' else '' end;
        at := at + 4;
      end loop;
      insert into seen_relation values (relation.*) on conflict (id) do update set name = excluded.name, columns = excluded.columns;
    when 'I', 'U', 'D' then
      n := take_number(data, 4, at); at := n.at;
      select * into strict relation from seen_relation where id = n.value;
      line := case tag when 'I' then 'insert ' when 'U' then 'update ' else 'delete ' end || relation.name;
      parts := case when tag = 'I' then 0 else get_byte(data, at) end;
      if tag <> 'I' then at := at + 1; end if;
      if parts & 1 > 0 then
        line := line || ' changed ';
        for i in 0..relation.columns - 1 loop line := line || ((get_byte(data, at + i / 8) >> (i % 8)) & 1); end loop;
        at := at + (relation.columns + 7) / 8;
      end if;
      if parts & 6 > 0 then
        t := take_tuple(data, relation.columns, at); at := t.at;
        line := line || case when parts & 4 > 0 then ' old ' else ' key ' end || t.value;
      end if;
      if tag <> 'D' then t := take_tuple(data, relation.columns, at); at := t.at; line := line || ' new ' || t.value; end if;
    when 'T' then
      flags := get_byte(data, at); at := at + 1;
      n := take_number(data, 4, at); at := n.at; total := n.value;
      line := 'truncate flags ' || flags;
      for i in 1..total loop
        n := take_number(data, 4, at); at := n.at;
        line := line || ' ' || (select name from seen_relation where id = n.value);
      end loop;
    when 'M' then
      flags := get_byte(data, at); at := at + 9;
      t := take_cstring(data, at); at := t.at; line := 'message flags ' || flags || ' ' || t.value;
      n := take_number(data, 4, at); at := n.at;
      line := line || ' ' || quote_literal(convert_from(substr(data, at + 1, n.value::int), 'UTF8')); at := at + n.value::int;
    else line := 'unknown tag ' || tag;
  end case;
  if tag <> 'H' and at <> length(data) then line := line || ' (ends at ' || at || ' of ' || length(data) || ')'; end if;
  return line;
end $$;

-- The frames of a packet, each without its place in the log.
create function frames_of(packet bytea) returns setof bytea language plpgsql as $$
declare at int := 0; n record;
begin
  while at < length(packet) loop
    n := take_number(packet, 4, at + 8);
    return next substr(packet, n.at + 1, n.value::int);
    at := n.at + n.value::int;
  end loop;
end $$;

-- The frames that have come since the last look, one a line. Volatile on purpose: show_frame remembers relations.
create function frames(slot name, variadic options text[]) returns setof text language plpgsql as $$
declare packet record; frame bytea;
begin
  for packet in select data from pg_logical_slot_get_binary_changes(slot, null, null, variadic array['protocol_version', '1'] || options) loop
    for frame in select * from frames_of(packet.data) loop
      return next show_frame(frame);
    end loop;
  end loop;
end $$;

select 'slot' from pg_create_logical_replication_slot('regress', 'tandem');
