-- Are both sides the same, object by object and digit by digit? `arrived` holds the second CRM's export (type, document). Of tandem's own
-- tables only the pairs are used: which of their objects is which of ours.
\set QUIET on
set search_path = public;

create temporary table theirs as
select type, document ->> 'id' as id, document - '{id,version,created_at,updated_at,ExternalId}'::text[] as fields
from arrived;

create temporary table ours as
select 'user' as type, id::text as object,
       jsonb_build_object('Name', name, 'Email', email, 'Active', active, 'ManagerId', manager_id) as fields from users
union all
select 'account', id::text,
       jsonb_build_object('Name', name, 'Industry', case industry when 'farming' then 'Agriculture' when 'making' then 'Manufacturing'
         when 'retail' then 'Retail' when 'services' then 'Services' when 'software' then 'Software' else 'Other' end,
         'AnnualRevenue', annual_revenue, 'Employees', employees, 'Website', website, 'Active', active,
         'ParentId', parent_id::text, 'OwnerId', owner_id, 'Attributes', attributes) from account
union all
select 'contact', id::text,
       jsonb_build_object('AccountId', account_id::text, 'FirstName', first_name, 'LastName', last_name, 'Email', email, 'Phone', phone,
         'BirthDate', birth_date) from contact
union all
select 'product', id::text, jsonb_build_object('Code', code, 'Name', name, 'Price', price, 'Weight', weight, 'Active', active) from product
union all
select 'opportunity', id::text,
       jsonb_build_object('Name', name, 'AccountId', account_id::text, 'OwnerId', owner_id, 'ProductId', product_id::text,
         'Stage', case stage when 'prospecting' then 'Prospecting' when 'engaging' then 'Engaging' when 'won' then 'Closed Won'
           else 'Closed Lost' end,
         'Amount', amount, 'Score', score, 'CloseDate', close_date, 'Source', 'tandem demo', 'AmountWithTax', round(amount * 1.19, 2))
from opportunity where stage <> 'draft'
union all
select 'order', id::text,
       jsonb_build_object('Number', number, 'AccountId', account_id::text, 'OpportunityId', opportunity_id,
         'Status', case status when 0 then 'Open' when 1 then 'Shipped' when 2 then 'Paid' else 'Cancelled' end,
         'Currency', currency, 'Total', total, 'OrderedAt', ordered_at, 'Notes', notes) from "order"
union all
select 'order_line', jsonb_build_array(order_id, position)::text,
       jsonb_build_object('OrderId', order_id::text, 'ProductId', product_id::text, 'Position', position, 'Quantity', quantity,
         'UnitPrice', unit_price, 'Discount', discount) from order_line;

create temporary table pair as
select request_type as type, object_id as object, remote_id as id
from tandem.identity where target = 'second_crm' and state = 'paired';
create index on pair (type, object);

-- Our keys in references become the ids of their partners.
create temporary table ours_by_their_ids as
select o.type, o.object, p.id,
       o.fields || coalesce((select jsonb_object_agg(f.name, coalesce(q.id, 'has no partner: ' || (o.fields ->> f.name)))
                             from (values ('ManagerId', 'user'), ('ParentId', 'account'), ('OwnerId', 'user'), ('AccountId', 'account'),
                                          ('ProductId', 'product'), ('OpportunityId', 'opportunity'), ('OrderId', 'order')) as f (name, type)
                             left join pair q on (q.type, q.object) = (f.type, o.fields ->> f.name)
                             where o.fields ->> f.name is not null), '{}') as fields
from ours o left join pair p on (p.type, p.object) = (o.type, o.object);

-- Text and not jsonb is compared: 1.50 is not 1.5. The second CRM keeps no nulls.
create temporary table difference as
select coalesce(o.type, t.type) as type, o.object, coalesce(t.id, o.id) as id,
       case when t.id is null then 'missing there' when o.object is null then 'not here' else 'differs' end as difference,
       jsonb_strip_nulls(o.fields)::text as ours, t.fields::text as theirs
from ours_by_their_ids o full join theirs t on (t.type, t.id) = (o.type, o.id)
where jsonb_strip_nulls(o.fields)::text is distinct from t.fields::text;

\o :differences
select type, object, id, difference, ours, theirs from difference order by type, object limit 20;
\o
select (select count(*) from ours) || ' ' || (select count(*) from difference);
