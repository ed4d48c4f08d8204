-- tandem 0001 down: removes everything that tandem owns in this database. The CRM's tables keep their rows; their capture triggers go
-- with the functions that they call. The roles stay, since other databases of the cluster may use them.
-- Dropping a trigger locks its table: on a busy CRM run it again when it times out.
set lock_timeout = '2s';
-- Whatever the publication is called: one that holds nothing but tandem's tables.
do $publications$
declare
  ours record;
begin
  for ours in
    select p.pubname as name from pg_catalog.pg_publication p
    where not p.puballtables
      and exists (select from pg_catalog.pg_publication_tables t where t.pubname = p.pubname and t.schemaname = 'tandem')
      and not exists (select from pg_catalog.pg_publication_tables t where t.pubname = p.pubname and t.schemaname <> 'tandem')
  loop
    execute format('drop publication %I', ours.name);
  end loop;
end
$publications$;
drop publication if exists tandem;
drop publication if exists tandem_stream;
drop schema if exists tandem cascade;
reset lock_timeout;
