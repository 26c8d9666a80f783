#!/bin/sh
# Resolve pyproject.toml, the reference implementations, the two environments of the rehearsal, that of the stack's linters, Phoenix's and the
# frameworks' into the lock files, what resolves them itself, and the libraries beside a torch with CUDA. $2: --upgrade, to take the newest instead of keeping what they say. torch is left out: which build fits is the machine's affair (see torch.lock).
set -eu
compile="$(cd "$1" && pwd)/pip-compile --quiet --generate-hashes --strip-extras --no-header --no-emit-options --no-emit-index-url
  --no-emit-find-links --no-emit-trusted-host --unsafe-package torch --no-allow-unsafe ${2:-}"
cd "$(dirname "$0")"
$compile --output-file run.lock ../pyproject.toml
# The larger locks hold to what the dashboard's own lock says, and keep their own pins for the rest.
$compile --extra research --constraint run.lock --output-file research.lock ../pyproject.toml
$compile --extra research --extra test --constraint run.lock --output-file test.lock ../pyproject.toml
$compile --extra research --constraint test.lock --output-file oracles.lock oracles.in ../pyproject.toml
$compile --constraint run.lock --output-file image.lock image.in
$compile --output-file build.lock build.in
for lock in research test oracles; do
  sed '/^# WARNING/,$d; /^# The following packages/,$d' $lock.lock > $lock.lock.new
  mv $lock.lock.new $lock.lock
done
$compile --constraint run.lock --constraint build.lock --output-file locking.lock locking.in
for environment in emulator lambda lint phoenix frameworks cuda; do
  $compile --output-file $environment.lock $environment.in
done
