#!/usr/bin/env bash
# Installing and taking back: by whom, how often, in which way; and the ledger. TAP.
set -euo pipefail
plan=16 number=0
echo "1..$plan"
check() {   # check NAME COMMAND...
  local name=$1 out
  shift
  number=$((number + 1))
  if out=$("$@" 2>&1); then echo "ok $number - $name"; else echo "not ok $number - $name"; printf '%s\n' "$out" | sed 's/^/# /'; fi
}
query() { psql -X -q -A -t -v ON_ERROR_STOP=1 -c "$1"; }
answers() { local got; got=$(query "$2"); [[ $got == "$1" ]] || { echo "got: $got"; echo "want: $1"; return 1; }; }
as_admin() { PGUSER="admin" psql -X -q -v ON_ERROR_STOP=1 "$@"; }
contents() {
  query "select md5(string_agg(x, '|' order by x)) from (
    select 'r ' || relname || relkind::text || coalesce(relacl::text, '') || relowner::regrole::text from pg_class where relnamespace = 'tandem'::regnamespace
    union all select 'a ' || attrelid::regclass::text || attname || atttypid::text || coalesce(attacl::text, '') from pg_attribute where attrelid in (select oid from pg_class where relnamespace = 'tandem'::regnamespace)
    union all select 'p ' || oid::regprocedure::text || prosrc || coalesce(proacl::text, '') || proowner::regrole::text from pg_proc where pronamespace = 'tandem'::regnamespace
    union all select 'c ' || conname from pg_constraint where connamespace = 'tandem'::regnamespace) as t (x)"
}

check "the installing role is no superuser" answers f "select rolsuper from pg_roles where rolname = 'admin'"
check "the ledger names the migration" answers "1|schema|t|admin" "select version, name, checksum is null, applied_by from tandem.schema_version"
check "the publication publishes inserts of outbox and inbox" answers "t|f|f|f|inbox,outbox" \
  "select pubinsert, pubupdate, pubdelete, pubtruncate, (select string_agg(tablename, ',' order by tablename) from pg_publication_tables where pubname = 'tandem') from pg_publication where pubname = 'tandem'"
before=$(contents)
check "applying everything again works" as_admin -f "$TANDEM_SQL/install.sql"
check "and changes nothing" test "$before" = "$(contents)"
for file in "$TANDEM_SQL"/functions/*.sql "$TANDEM_SQL"/views/*.sql "$TANDEM_SQL/privileges.sql"; do
  as_admin -c 'set check_function_bodies = off' -f "$file" >/dev/null || echo "# $file"
done
check "each file by itself, too" test "$before" = "$(contents)"
check "install.sql names every file" diff <(sed -n 's/^\\ir \(functions\|views\)/\1/p' "$TANDEM_SQL/install.sql") <(cd "$TANDEM_SQL" && LC_ALL=C ls functions/*.sql views/*.sql)
query "create table opportunity (id integer primary key); alter table opportunity owner to crm; select t.capture('opportunity'); insert into opportunity values (1)" >/dev/null
check "the migration is refused twice" bash -c "! PGUSER=admin psql -X -q -v ON_ERROR_STOP=1 -f '$TANDEM_SQL/migrations/0001_schema.up.sql' 2>/dev/null"
as_admin -c "create publication named_by_the_configuration for table tandem.outbox, tandem.inbox with (publish = 'insert')" >/dev/null
check "down" as_admin -f "$TANDEM_SQL/migrations/0001_schema.down.sql"
check "leaves nothing in the database but the CRM's rows" answers "0|0|0|1" "select (select count(*) from pg_namespace where nspname = 'tandem'), (select count(*) from pg_publication), (select count(*) from pg_trigger where not tgisinternal), (select count(*) from opportunity)"
check "which can be changed" query "update opportunity set id = 2"
each_file=()
for file in "$TANDEM_SQL"/functions/*.sql "$TANDEM_SQL"/views/*.sql; do each_file+=(-f "$file"); done
check "up again, file by file without a transaction" as_admin -c 'set check_function_bodies = off' -f "$TANDEM_SQL/migrations/0001_schema.up.sql" \
  "${each_file[@]}" -f "$TANDEM_SQL/privileges.sql"
check "is the same" test "$before" = "$(contents)"
query "create role nobody_special login; grant create on database \"$PGDATABASE\" to nobody_special" >/dev/null
query "drop publication tandem; drop schema tandem cascade" >/dev/null
check "a role that may not, is told so and leaves nothing" bash -c "! PGUSER=nobody_special psql -X -q -v ON_ERROR_STOP=1 -f '$TANDEM_SQL/install.sql' >/dev/null 2>&1 && test \"\$(psql -X -A -t -c \"select count(*) from pg_namespace where nspname = 'tandem'\")\" = 0"
query "grant tandem_owner to nobody_special" >/dev/null
check "a role without CREATEROLE installs where the roles are there" bash -c "PGUSER=nobody_special psql -X -q -v ON_ERROR_STOP=1 -f '$TANDEM_SQL/install.sql'"
check "with the same result" test "$before" = "$(contents)"
