#!/bin/bash
# Starts MongoDB as a replica set of one. At the first start it makes the key file, the password of
# root, and that of the service, which finds its URL in the volume that the two share.
set -euo pipefail

readonly SECRETS=/data/db/secrets # beside the data that they belong to
readonly URL_FILE=/data/configdb/url

# Whole or not at all: a file that a crash cut short would shut everybody out.
keep() {
  local file=$1 mode=$2
  rm -f "$file.new" # of a start that was killed, and may not be written to
  cat >"$file.new"
  chmod "$mode" "$file.new"
  sync "$file.new"
  mv "$file.new" "$file"
}

random() { head -c "$1" /dev/urandom | od -An -vtx1 | tr -d ' \n'; }

mkdir -p -m 0700 "$SECRETS"
[[ -s $SECRETS/key-file ]] || random 500 | keep "$SECRETS/key-file" 0400
for user in root sallyport; do
  [[ -s $SECRETS/$user ]] || random 32 | keep "$SECRETS/$user" 0400
done
echo "mongodb://sallyport:$(<"$SECRETS/sallyport")@mongo:27017/sallyport?authSource=admin&replicaSet=rs0" |
  keep "$URL_FILE" 0444

# A key file asks for logins, too.
exec docker-entrypoint.sh mongod --bind_ip_all --replSet rs0 --keyFile "$SECRETS/key-file" \
  --wiredTigerCacheSizeGB 0.25 # of the mem_limit in docker-compose.yml
