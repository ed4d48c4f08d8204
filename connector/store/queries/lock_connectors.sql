-- Two that start at once with different names must see each other. In a block of its own, since a pipeline is none to the server.
do $$ begin lock table tandem.connector in share row exclusive mode; end $$
