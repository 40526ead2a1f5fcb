#!/bin/bash
# Puts what mongo-dump.sh has written, on stdin, in place of the service's database: docs/containers.md
set -euo pipefail

mongorestore --username root --authenticationDatabase admin \
  --config <(printf 'password: "%s"\n' "$(</data/db/secrets/root)") \
  --drop --gzip --archive
