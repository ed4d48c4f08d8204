-- $1 connector, $2 description. Reading has failed for a while: said once, until it works again.
insert into tandem.alert (kind, subject, description)
select 'reading', $1::text, $2::text
where not exists (select from tandem.alert a where a.kind = 'reading' and a.subject = $1::text and a.recovered_at is null)
