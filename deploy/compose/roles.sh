#!/bin/sh
# Runs once, in the empty database server: the roles and the database.
set -eu
psql --username "$POSTGRES_USER" --dbname postgres --set ON_ERROR_STOP=1 \
    --set owner="$OWNER_PASSWORD" \
    --set certification="$CERTIFICATION_PASSWORD" \
    --set compliance="$COMPLIANCE_PASSWORD" \
    --set follower="$FOLLOWER_PASSWORD" \
    --set dispatcher="$DISPATCHER_PASSWORD" \
    --set auditor="$AUDITOR_PASSWORD" \
    --set sealer="$SEALER_PASSWORD" <<'SQL'
CREATE ROLE sagecert_owner LOGIN PASSWORD :'owner';
CREATE ROLE sagecert_certification LOGIN PASSWORD :'certification';
CREATE ROLE sagecert_compliance LOGIN PASSWORD :'compliance';
CREATE ROLE sagecert_follower LOGIN PASSWORD :'follower';
CREATE ROLE sagecert_dispatcher LOGIN PASSWORD :'dispatcher';
CREATE ROLE sagecert_auditor LOGIN PASSWORD :'auditor';
CREATE ROLE sagecert_sealer LOGIN PASSWORD :'sealer';
ALTER ROLE sagecert_certification SET statement_timeout = '30s';
ALTER ROLE sagecert_certification SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE sagecert_compliance SET statement_timeout = '30s';
ALTER ROLE sagecert_compliance SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE sagecert_follower SET statement_timeout = '30s';
ALTER ROLE sagecert_follower SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE sagecert_dispatcher SET statement_timeout = '30s';
ALTER ROLE sagecert_dispatcher SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE sagecert_auditor SET statement_timeout = '30s';
ALTER ROLE sagecert_auditor SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE sagecert_sealer SET statement_timeout = '30s';
ALTER ROLE sagecert_sealer SET idle_in_transaction_session_timeout = '30s';
CREATE ROLE sagecert_certification_reader NOLOGIN;
CREATE ROLE sagecert_compliance_reader NOLOGIN;
CREATE ROLE sagecert_claims NOLOGIN;
CREATE ROLE sagecert_what_ifs NOLOGIN;
GRANT sagecert_claims, sagecert_what_ifs TO sagecert_compliance;
GRANT sagecert_certification_reader TO sagecert_certification;
GRANT sagecert_compliance_reader TO sagecert_compliance;
CREATE DATABASE sagecert OWNER sagecert_owner;
SQL
