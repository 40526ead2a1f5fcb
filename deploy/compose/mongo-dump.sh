#!/bin/bash
# Writes the service's database to stdout, from inside the container: docs/containers.md
set -euo pipefail

# By a file, since others on the machine could read it in the command line.
mongodump --username root --authenticationDatabase admin \
  --config <(printf 'password: "%s"\n' "$(</data/db/secrets/root)") \
  --db sallyport --gzip --archive
