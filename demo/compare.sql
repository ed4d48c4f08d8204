-- Are both sides the same, object by object and digit by digit? `arrived` holds the second CRM's export (type, document); nothing of
-- tandem's own tables is looked at. References are compared by the objects they lead to, not by ids.
\set QUIET on
set search_path = public;

create temporary table theirs as
select type, document ->> 'ExternalId' as object, document ->> 'id' as id,
       document - '{id,version,created_at,updated_at,ExternalId}'::text[] as fields
from arrived;
create index on theirs (id);

-- Their ids in references become our keys again.
create temporary table theirs_by_our_keys as
select t.type, t.object,
       t.fields || coalesce((select jsonb_object_agg(f.name, coalesce(p.object, 'leads nowhere: ' || (t.fields ->> f.name)))
                             from unnest('{ManagerId,ParentId,OwnerId,AccountId,ProductId,OpportunityId,OrderId}'::text[]) as f (name)
                             left join theirs p on p.id = t.fields ->> f.name
                             where t.fields ? f.name), '{}') as fields
from theirs t;

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

-- Text and not jsonb is compared: 1.50 is not 1.5. The second CRM keeps no nulls.
create temporary table difference as
select coalesce(o.type, t.type) as type, coalesce(o.object, t.object) as object,
       case when t.object is null then 'missing there' when o.object is null then 'not here' else 'differs' end as difference,
       jsonb_strip_nulls(o.fields)::text as ours, t.fields::text as theirs
from ours o full join theirs_by_our_keys t on (t.type, t.object) = (o.type, o.object)
where jsonb_strip_nulls(o.fields)::text is distinct from t.fields::text;

\o :differences
select type, object, difference, ours, theirs from difference order by type, object limit 20;
\o
select (select count(*) from ours) || ' ' || (select count(*) from difference);
