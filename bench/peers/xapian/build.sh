#!/bin/sh
# Builds the driver and prints the path of the program.
exec "$(dirname "$0")/../native.sh" xapian
