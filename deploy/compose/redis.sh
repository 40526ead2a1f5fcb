#!/bin/sh
# Starts Redis with a password that stands in no command line, where every user of the machine could
# read it.
set -eu
exec redis-server /etc/sallyport/redis.conf - <<CONF
requirepass "$REDISCLI_AUTH"
CONF
