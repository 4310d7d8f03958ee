#!/bin/sh
# INPUT, the table in C, its header
set -e
{
	echo 'const int generated_table[] = {'
	sed 's/$/,/' "$1"
	echo '};'
} > "$2"
echo "#define ENTRIES \"$(wc -l < "$1" | tr -d ' ')\"" > "$3"
