-- Objects of which we know one id only: a create that went out without an answer, or was never answered with their id.
create or replace view tandem.unpaired as
select i.target, i.request_type, i.object_id, i.remote_id, i.state, i.created_at, i.updated_at
from tandem.identity i
where i.state = 'pending';
