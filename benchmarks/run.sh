#!/usr/bin/env bash
# Measures all figures: run.sh quick|full [subject...]. On standard output one line a figure:
#   figure <name> <value> floor <floor> ok|short
# The raw numbers behind them go to standard error. README.md says what each figure is.
set -euo pipefail
cd "$(dirname "$0")"

case "${1:-}" in
  quick) heap=3g ;;
  full) heap=8g ;;
  *)
    echo "usage: run.sh quick|full [subject...]" >&2
    exit 2
    ;;
esac

# Without the network first: it is needed only when something has never been downloaded.
build() { mvn -B -ntp -q "$@" -f .. -Pbenchmarks -pl benchmarks -am -Dmaven.test.skip=true process-classes >&2; }
build -o 2>/dev/null || build

exec java -Xms"$heap" -Xmx"$heap" -cp "target/classes:$(cat target/class-path)" \
  io.agentlifecycle.benchmarks.Figures "$@"
