#!/usr/bin/env bash
# Writes fresh secrets for docker-compose.yml to .env (mode 0600). An existing file is left as it is.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -e .env ]; then
    echo ".env is there already: delete it to get new secrets (signed-in members and waiting visitors then start anew," \
        "and volumes of PostgreSQL and Grafana keep their old passwords)"
    exit 0
fi

umask 077
trap 'rm -f .env.new' EXIT
: > .env.new
# One assignment at a time: a failure inside a here-document would not stop this script.
put() { printf "%s='%s'\n" "$1" "$2" >> .env.new; }

for name in WAITING_SECRET SERVICE_KEY OPERATOR_KEY SESSION_SECRET POSTGRES_PASSWORD GRAFANA_PASSWORD; do
    secret=$(openssl rand -hex 32)
    put "$name" "$secret"
done
# Within the rules for members' passwords.
secret=$(openssl rand -hex 8)
put ADMIN_PASSWORD "a1!$secret"
secret=$(openssl genpkey -algorithm ed25519)
put ACTIVE_KEY "$secret"
secret=$(openssl genpkey -algorithm ed25519)
put JOIN_KEY "$secret"

mv .env.new .env
echo "wrote .env: the administrator is admin@example.com with the ADMIN_PASSWORD in it"
