#!/bin/bash
# Says as JSON lines what a MongoDB would be started with, and what it would find.
printf '"%s"\n' "$*" "$(stat -c '%n %a %U' /data/db/secrets/* | sort | paste -sd ' ')" \
  "$(wc -c </data/db/secrets/key-file)" "$(sha256sum /data/db/secrets/* | sha256sum)" "$(</data/configdb/url)"
