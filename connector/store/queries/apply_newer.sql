-- In one order: $1 times of ours, $2 times of theirs. Of each pair in that order: is theirs later.
select g.theirs::timestamptz > g.ours::timestamptz
from unnest($1::text[], $2::text[]) with ordinality as g (ours, theirs, place) order by g.place
