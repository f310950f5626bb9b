#!/bin/sh
# Builds the driver and prints the path of the program.
exec "$(dirname "$0")/../cargo.sh" seekstorm "$@"
