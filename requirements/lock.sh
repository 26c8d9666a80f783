#!/bin/sh
# Resolve pyproject.toml, and the two environments of the rehearsal, into the lock files. torch is left out: which build fits is the machine's affair (see the Makefile).
set -eu
compile="$(cd "$1" && pwd)/pip-compile --quiet --generate-hashes --strip-extras --no-header --no-emit-options --no-emit-index-url
  --no-emit-find-links --no-emit-trusted-host --unsafe-package torch --no-allow-unsafe"
cd "$(dirname "$0")"
$compile --output-file run.lock ../pyproject.toml
for lock in research test; do
  cp run.lock $lock.lock.new
done
$compile --extra research --output-file research.lock.new ../pyproject.toml
$compile --extra research --extra test --output-file test.lock.new ../pyproject.toml
for lock in research test; do
  sed '/^# WARNING/,$d; /^# The following packages/,$d' $lock.lock.new > $lock.lock
  rm $lock.lock.new
done
for environment in emulator lambda; do
  $compile --output-file $environment.lock $environment.in
done
