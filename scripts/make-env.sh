#!/usr/bin/env bash
# Writes fresh secrets for docker-compose.yml to .env (mode 0600). An existing file is left as it is.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -e .env ]; then
    echo ".env is there already: delete it to get new secrets (signed-in members and waiting visitors then start anew)"
    exit 0
fi

random() { head -c 32 /dev/urandom | base64 | tr -d '/+=\n'; }

umask 077
cat > .env.new <<ENV
WAITING_SECRET=$(random)
SERVICE_KEY=$(random)
OPERATOR_KEY=$(random)
SESSION_SECRET=$(random)
POSTGRES_PASSWORD=$(random)
GRAFANA_PASSWORD=$(random)
ADMIN_PASSWORD=a1!$(random | head -c 16)
ACTIVE_KEY="$(openssl genpkey -algorithm ed25519)"
ENV
mv .env.new .env
echo "wrote .env: the administrator is admin@example.com with the ADMIN_PASSWORD in it"
