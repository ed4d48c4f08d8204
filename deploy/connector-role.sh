#!/bin/sh
# Run once by the database's image when its folder is empty: the connector's role, with the password that its URL names.
set -eu
psql -v ON_ERROR_STOP=1 -U postgres -d "$POSTGRES_DB" -v password="$(cat /run/secrets/connector_password)" <<'SQL'
create role tandem_connector login replication password :'password';
SQL
