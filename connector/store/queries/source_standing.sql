-- $1 source.
select s.position::text, s.paused from tandem.source s where s.source = $1::text
