-- Generated data, the same every time: `pick(words, n)` walks through a list, `spread(n, m)` scatters 0 … m-1.

create schema made_up;
set search_path = public, made_up;

create function made_up.spread(n bigint, m integer) returns integer language sql immutable as
$$ select ((hashtextextended(n::text, 7) % m + m) % m)::integer $$;

create function made_up.pick(words text[], n bigint) returns text language sql immutable as
$$ select words[1 + made_up.spread(n, cardinality(words))] $$;

create function made_up.first_name(n bigint) returns text language sql immutable as
$$ select made_up.pick('{Ana,Björn,Chen,Dmitri,Esra,Fatou,Grace,Hiro,Ines,João,Katya,Liam,Mei,Noor,Olga,Paul,王芳,Rosa,Søren,Tomás}', n) $$;

create function made_up.last_name(n bigint) returns text language sql immutable as
$$ select made_up.pick('{Abe,Bauer,Costa,Dubois,Eriksen,Fischer,García,Haddad,Ivanova,Jansen,Kim,López,Müller,Nowak,O''Brien,Petrov,Quist,Rossi,Şahin,Tan}', n * 31) $$;

create function made_up.id(kind text, n bigint) returns uuid language sql immutable as
$$ select md5(kind || n)::uuid $$;

insert into users
select made_up.id('user', n), made_up.first_name(n) || ' ' || made_up.last_name(n), 'user' || n || '@crm.example', n % 7 <> 0,
       case when n > 3 then made_up.id('user', 1 + n % 3) end
from generate_series(1, 12) n order by n;

insert into account
select n, made_up.last_name(n) || ' ' || made_up.pick('{Works,Trading,& Sons,Systems,"Ltd.",GmbH,有限公司,Стройка}', n * 3),
       made_up.pick('{farming,making,retail,services,software,mining}', n * 5),
       made_up.spread(n * 11, 2000000000)::numeric / 100, made_up.spread(n * 13, 5000),
       'https://account-' || n || '.example/', n % 11 <> 0,
       case when n > 40 and n % 4 = 0 then 1 + made_up.spread(n, 40) end, made_up.id('user', 1 + n % 12),
       case when n % 3 = 0 then jsonb_build_object('segment', n % 5, 'tags', jsonb_build_array('demo', n), 'ratio', n / 7.0) end
from generate_series(1, 200) n order by n;

insert into contact
select n, 1 + made_up.spread(n, 200), made_up.first_name(n * 17), made_up.last_name(n * 19), 'contact' || n || '@account.example',
       case when n % 5 <> 0 then '+49 30 ' || lpad(made_up.spread(n, 1000000)::text, 6, '0') end,
       case when n % 2 = 0 then date '1950-01-01' + made_up.spread(n * 23, 18000) end
from generate_series(1, 500) n order by n;

insert into product
select n, 'P-' || lpad(n::text, 4, '0'), made_up.pick('{Anvil,Bolt,Crate,Drill,Easel,Flask,Gauge,Hinge}', n) || ' ' || n,
       made_up.spread(n * 29, 90000000)::numeric / 10000, sqrt(n) * 1.1, n % 9 <> 0
from generate_series(1, 40) n order by n;

insert into opportunity
select made_up.id('opportunity', n), made_up.pick('{Renewal,Expansion,Pilot,Tender}', n) || ' ' || n,
       case when n % 6 <> 0 then 1 + made_up.spread(n, 200) end, made_up.id('user', 1 + n % 12), 1 + made_up.spread(n * 37, 40),
       case when n % 10 = 0 then 'draft' when n % 4 = 0 then 'won' else made_up.pick('{prospecting,engaging,lost}', n) end,
       made_up.spread(n * 41, 100000000)::numeric / 100, ln(n + 1) / 3, date '2026-01-01' + made_up.spread(n, 365),
       'call back on ' || made_up.pick('{Monday,Tuesday,Friday}', n)
from generate_series(1, 600) n order by n;

insert into "order"
select n, 'SO-' || (10000 + n), 1 + made_up.spread(n, 200), case when n % 2 = 0 and n % 5 <> 0 then made_up.id('opportunity', n * 4) end,
       (array[0, 1, 2, 9])[1 + made_up.spread(n, 4)], made_up.pick('{EUR,USD,CNY}', n), 0,
       timestamptz '2026-01-01 08:00:00.25+00' + n * interval '7 hours 13 seconds', case when n % 3 = 0 then E'Line one\nline "two" \\ ' || n end
from generate_series(1, 150) n order by n;

insert into order_line
select o, p, 1 + made_up.spread(o * 7 + p, 40), (1 + made_up.spread(o * p, 5000))::numeric / 100,
       made_up.spread(o + p * 3, 9000000)::numeric / 10000, case when p = 2 then 0.0750 end
from generate_series(1, 150) o, generate_series(1, 3) p order by o, p;

select setval(pg_get_serial_sequence(t, 'id'), 100000) from unnest(array['account', 'contact', '"order"']) t;

-- One small change, as a user of the CRM would make it; the n-th is always the same.
create procedure made_up.change(n integer) language plpgsql as $$
declare
  new_account bigint;
  new_order bigint;
begin
  case n % 10
    when 0 then
      insert into account (name, industry, annual_revenue, owner_id)
      values ('New ' || n, 'software', n * 1000.10, made_up.id('user', 1 + n % 12)) returning id into new_account;
      insert into contact (account_id, first_name, last_name) values (new_account, made_up.first_name(n), made_up.last_name(n));
    when 1 then
      update account set annual_revenue = coalesce(annual_revenue, 0) + 0.01 * n, employees = n where id = 1 + made_up.spread(n, 200);
    when 2 then
      update opportunity o set stage = made_up.pick('{prospecting,engaging,won,lost,draft}', n), amount = n + 0.10
      where id = made_up.id('opportunity', 1 + made_up.spread(n, 600)) and not exists (select 1 from "order" where opportunity_id = o.id);
    when 3 then
      insert into opportunity (id, name, account_id, product_id, stage, amount, score)
      values (made_up.id('opportunity', 100000 + n), 'Fresh ' || n, 1 + made_up.spread(n, 200), 1 + n % 40, 'prospecting', n / 3.0, 1.0 / n);
    when 4 then
      insert into "order" (number, account_id) values ('SO-N' || n, 1 + made_up.spread(n, 200)) returning id into new_order;
      insert into order_line values (new_order, 1, 1 + n % 40, 2, 19.9900, null), (new_order, 2, 1 + (n + 7) % 40, 0.5, 3.0000, 0.1);
    when 5 then
      update order_line set quantity = quantity + 1 where order_id = 1 + made_up.spread(n, 150);
    when 6 then
      delete from contact where id = 1 + made_up.spread(n, 500);
    when 7 then
      update contact set phone = null, email = 'moved' || n || '@account.example' where id = 1 + made_up.spread(n, 500);
    when 8 then
      delete from opportunity o where id = made_up.id('opportunity', 1 + made_up.spread(n, 600))
        and not exists (select 1 from "order" where opportunity_id = o.id);
    else
      delete from order_line where order_id = 1 + made_up.spread(n, 150) and position = 3;
      update "order" set status = (status + 1) % 3 where id = 1 + made_up.spread(n, 150);
  end case;
end $$;
