#!/bin/sh
# A worker that tags faces. It reads what another has found, result/faces.txt (the image's width
# and height, then a line `x y width height` for each face), and writes result/tags.json, whole or
# not at all. It knows nothing of who found them, nor of Entourage but the exit status.
set -eu
test -r result/faces.txt || exit 75 # EX_TEMPFAIL: nobody has looked for faces yet
awk -v image="${ENTOURAGE_ITEM:-}" '
    NR == 1 {
        gsub(/\\/, "\\\\", image); gsub(/"/, "\\\"", image)
        width = $1; height = $2
        printf "{\"image\":\"%s\",\"faces\":[", image
        next
    }
    NF != 4 { exit 65 } # EX_DATAERR: it never will be a face
    {
        column = $1 + $3 / 2 < width / 3 ? "left" : ($1 + $3 / 2 < width * 2 / 3 ? "middle" : "right")
        row = $2 + $4 / 2 < height / 2 ? "top" : "bottom"
        size = $3 * $4 * 20 > width * height ? "large" : "small"
        printf "%s{\"x\":%d,\"y\":%d,\"where\":\"%s %s\",\"size\":\"%s\"}", comma, $1, $2, row, column, size
        comma = ","
    }
    END { if (NR) print "]}" }
' result/faces.txt > tags.new
mv tags.new result/tags.json
