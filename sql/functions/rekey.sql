-- Changed keys: what a record of operation `rekey` has to do at its turn, and how identities follow it. Delivery asks for the first with every
-- reading of such a record (store/queries/bodies.sql) and calls the second where the answer is `move`.
--   wait      an older record of the key that it leaves is pending, or the object that has its new key has not left it yet
--   move      its identity is still at the old key
--   conflict  its new key is paired with an object that does not leave it
--   go        nothing is left to do but to send it
-- A statement under a deferrable key may change keys in any order (`set id = id + 1`), so the object at the new key may leave it by a
-- record with a higher counter; such a record is of the same transaction. Where that goes round in a ring (a swap), all identities of
-- the ring move at once. At a route whose target addresses objects by our key nothing moves (`by_key`).
create or replace function tandem.rekey_turn(counter bigint, floor bigint, by_key boolean) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  o tandem.outbox;
  kept tandem.identity;      -- at the new key
  left_over tandem.identity; -- at the old key
  arrives bigint;            -- the first record of this transaction that brings another object to the old key, which has not left it yet
  ring bigint[];
  one bigint;
  member tandem.outbox;
begin
  select * into o from tandem.outbox x where x.counter = rekey_turn.counter and x.operation = 'rekey' and x.request_state in (1, 2);
  if not found then
    return 'go';
  end if;
  select * into left_over from tandem.identity i
    where i.target = o.target and i.request_type = o.request_type and hashtextextended(i.object_id, 0) = hashtextextended(o.old_object_id, 0)
      and i.object_id = o.old_object_id and i.state <> 'deleted';
  if not by_key and left_over.identity_id is not null then
    select min(n.counter) into arrives from tandem.outbox n
      where hashtextextended(n.object_id, 0) = hashtextextended(o.old_object_id, 0) and n.object_id = o.old_object_id
        and n.target = o.target and n.request_type = o.request_type and n.operation = 'rekey' and n.xid = o.xid
        and n.counter < o.counter and n.request_state in (1, 2) and n.counter is distinct from left_over.moved_by;
  end if;
  if tandem.has_pending(o.target, o.request_type, o.old_object_id, rekey_turn.floor, least(o.counter, arrives)) then
    return 'wait';
  end if;
  if by_key then
    return 'go';
  end if;
  select * into kept from tandem.identity i
    where i.target = o.target and i.request_type = o.request_type and hashtextextended(i.object_id, 0) = hashtextextended(o.object_id, 0)
      and i.object_id = o.object_id and i.state <> 'deleted';
  if kept.moved_by = o.counter then
    return 'go';
  end if;
  -- Sent back by a person after its object has gone on: what is at the old key now belongs to another object.
  if exists (
    select from tandem.outbox n
    where hashtextextended(n.object_id, 0) = hashtextextended(o.object_id, 0) and n.object_id = o.object_id and n.counter > o.counter
      and n.target = o.target and n.request_type = o.request_type and n.request_state in (3, 4)) then
    return 'go';
  end if;
  if kept.identity_id is not null then
    if exists (select from tandem.rekey_away(o)) then
      ring := tandem.rekey_ring(o.counter);
      if ring is null then
        return 'wait';
      end if;
      foreach one in array ring loop
        select * into member from tandem.outbox x where x.counter = one;
        if tandem.has_pending(member.target, member.request_type, member.old_object_id, rekey_turn.floor,
             least(member.counter, (select min(n.counter) from tandem.outbox n where n.counter = any (ring) and n.object_id = member.old_object_id))) then
          return 'wait';
        end if;
      end loop;
      return 'move';
    end if;
    return case when left_over.identity_id is null then 'go' else 'conflict' end;
  end if;
  return case when left_over.identity_id is null or left_over.moved_by > o.counter then 'go' else 'move' end;
end
$$;

-- Is a record of this object pending, with a counter below `before`? Above the floor in the outbox, at or below it among the parked.
create or replace function tandem.has_pending(target text, request_type text, object_id text, floor bigint, before bigint) returns boolean
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from tandem.outbox n
    where hashtextextended(n.object_id, 0) = hashtextextended($3, 0) and n.object_id = $3
      and n.counter > $4 and n.counter < $5 and n.target = $1 and n.request_type = $2 and n.request_state in (1, 2)
    union all
    select from tandem.parked w
    where w.queue is not distinct from 'outbox' and w.peer is not distinct from $1 and hashtextextended(w.object_id, 0) = hashtextextended($3, 0)
      and w.object_id = $3 and w.request_type = $2 and w.counter < $5)
$$;

-- The pending record of the same transaction by which the object at the new key of this one leaves it.
create or replace function tandem.rekey_away(o tandem.outbox) returns setof tandem.outbox
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select n.* from tandem.outbox n
  where n.old_object_id is not null and hashtextextended(n.old_object_id, 0) = hashtextextended(o.object_id, 0)
    and n.old_object_id = o.object_id and n.target = o.target and n.request_type = o.request_type and n.xid = o.xid
    and n.request_state in (1, 2)
  order by n.counter limit 1
$$;

-- The counters of the ring of changed keys that this record is part of; null where there is none.
create or replace function tandem.rekey_ring(counter bigint) returns bigint[]
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  o tandem.outbox;
  ring bigint[] := '{}';
begin
  select * into o from tandem.outbox x where x.counter = rekey_ring.counter;
  while found and not o.counter = any (ring) loop
    ring := ring || o.counter;
    select * into o from tandem.rekey_away(o);
  end loop;
  return case when o.counter = rekey_ring.counter then ring end;
end
$$;

-- Identities and agreed images of these records move from the old key to the new; those of a ring together, by way of a key that no object
-- has, since a unique index looks at every row by itself. Answers the number of identities moved.
create or replace function tandem.move_identities(connector text, epoch bigint, counters bigint[]) returns bigint
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
  moving bigint[];
  moved bigint;
begin
  perform from tandem.connector c where c.name = move_identities.connector and c.epoch = move_identities.epoch for key share;
  if not found then
    return 0;
  end if;
  select array_agg(distinct o.counter) into moving
  from unnest(counters) as given (counter)
  cross join lateral unnest(
    case when exists (
      select from tandem.outbox g
      join tandem.identity i on i.target = g.target and i.request_type = g.request_type and hashtextextended(i.object_id, 0) = hashtextextended(g.object_id, 0)
        and i.object_id = g.object_id and i.state <> 'deleted'
      where g.counter = given.counter) then coalesce(tandem.rekey_ring(given.counter), array[given.counter]) else array[given.counter] end) as m (counter)
  join tandem.outbox o on o.counter = m.counter and o.operation = 'rekey' and o.request_state in (1, 2);

  update tandem.agreed a set object_id = e'\x01' || o.counter
  from tandem.outbox o
  where o.counter = any (moving) and a.target = o.target and a.request_type = o.request_type and hashtextextended(a.object_id, 0) = hashtextextended(o.old_object_id, 0)
    and a.object_id = o.old_object_id;
  update tandem.agreed a set object_id = o.object_id, updated_at = clock_timestamp()
  from tandem.outbox o
  where o.counter = any (moving) and a.target = o.target and a.request_type = o.request_type
    and hashtextextended(a.object_id, 0) = hashtextextended(e'\x01' || o.counter, 0) and a.object_id = e'\x01' || o.counter;

  update tandem.identity i set object_id = e'\x01' || o.counter
  from tandem.outbox o
  where o.counter = any (moving) and i.target = o.target and i.request_type = o.request_type and hashtextextended(i.object_id, 0) = hashtextextended(o.old_object_id, 0)
    and i.object_id = o.old_object_id and i.state <> 'deleted';
  update tandem.identity i set object_id = o.object_id, moved_by = o.counter, updated_at = clock_timestamp()
  from tandem.outbox o
  where o.counter = any (moving) and i.target = o.target and i.request_type = o.request_type
    and hashtextextended(i.object_id, 0) = hashtextextended(e'\x01' || o.counter, 0) and i.object_id = e'\x01' || o.counter and i.state <> 'deleted';
  get diagnostics moved = row_count;
  return moved;
end
$$;
