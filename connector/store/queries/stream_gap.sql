-- $1 connector, $2 reason. The watches that are compared from now on.
select tandem.begin_comparison($1::text, $2::text)
