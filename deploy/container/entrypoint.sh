#!/bin/sh
# Secrets from files, as Docker, Compose and Kubernetes mount them: NAME_FILE=/run/secrets/name stands
# for NAME. Then becomes the service, which so gets the signals itself.
set -eu

for name in ENCRYPTION_KEYS ENCRYPTION_KEY OPERATOR_API_KEY \
  MONGODB_URL REDIS_URL SINK_MONGODB_URL SINK_REDIS_URL; do
  file=$(printenv "${name}_FILE" || true)
  if [ -n "$file" ] && [ -z "$(printenv "$name" || true)" ]; then
    value=$(cat "$file")
    export "$name=$value"
  fi
done

exec "$@"
