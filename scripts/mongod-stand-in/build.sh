#!/usr/bin/env bash
# Builds the stand-in for MongoDB that the tests use where there is no mongod, and prints its path: the jar
# behind a two-line script, so that it is one executable file. Needs a JDK 17 and Maven.
set -euo pipefail
cd "$(dirname "$0")"
binary=$PWD/target/mongod
if [ ! -x "$binary" ]; then
  command -v mvn >/dev/null || { apt-get update -qq && apt-get install -y -qq maven; } >&2
  mvn -q -B package >&2
  {
    printf '#!/bin/sh\nexec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx1g -jar "$0" "$@"\n'
    cat target/mongod.jar
  } >"$binary.new"
  chmod 0755 "$binary.new"
  mv "$binary.new" "$binary"
fi
printf '%s\n' "$binary"
