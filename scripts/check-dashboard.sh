#!/bin/sh
# Asks a Prometheus for every expression of the dashboard, for all queues: each must be valid and return series.
# Needs curl and jq, and running services that have answered a few requests and sold something.
#
#   scripts/check-dashboard.sh [http://127.0.0.1:9090]
set -eu
prometheus=${1:-http://127.0.0.1:9090}
dashboard=$(dirname "$0")/../grafana/dashboards/sale.json

expressions=$(jq -r '.panels[] | .title as $title | .targets[]? | [$title, .expr] | join("\t")' "$dashboard")
checked=0
failed=0
tab=$(printf '\t')
while IFS=$tab read -r title expression; do
    query=$(printf '%s' "$expression" | sed 's/\$queue/.*/g')
    reply=$(curl --silent --show-error --data-urlencode "query=$query" "$prometheus/api/v1/query")
    checked=$((checked + 1))
    if [ "$(printf '%s' "$reply" | jq '.data.result | length')" -eq 0 ]; then
        failed=$((failed + 1))
        echo "no data: $title: $query $(printf '%s' "$reply" | jq -r '.error // empty')"
    fi
done <<LINES
$expressions
LINES
echo "$checked expressions, $failed without data"
[ "$failed" -eq 0 ]
