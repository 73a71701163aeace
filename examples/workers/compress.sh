#!/bin/sh
# A worker: compresses a file into $OUTPUT. It knows nothing of Entourage but the environment.
#
# INPUT_FILE is the item's data, or with `--input-file` the file that they name. Exit status: 0
# done, 65 it never will be (EX_DATAERR), 75 try again (EX_TEMPFAIL). The result is renamed into
# place: it is there whole or not at all, and what an earlier attempt has done is not done again.
set -u

# Strangers name the items, and a name could be the path of somebody else's file.
case $ENTOURAGE_ITEM in
*/* | .*)
    echo "no file can be called $ENTOURAGE_ITEM" >&2
    exit 65
    ;;
esac
target=$OUTPUT/$ENTOURAGE_ITEM.gz
beside=$OUTPUT/.$ENTOURAGE_ITEM.$$

test -s "$INPUT_FILE" || {
    echo "there is nothing in it" >&2
    exit 65
}
gzip -dc "$target" 2> /dev/null | cmp -s - "$INPUT_FILE" && exit 0
trap 'rm -f "$beside"' EXIT
gzip -9 < "$INPUT_FILE" > "$beside" && mv "$beside" "$target" && exit 0
exit 75
