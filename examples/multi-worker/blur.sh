#!/bin/sh
# A worker that blurs parts of an image. It reads result/faces.txt, as tag.sh does, and writes
# `image` with these parts blurred to result/blurred.png: each part is cut out, blurred, and laid
# over its place. In gbrp no pixel shares its colour with its neighbours: all others stay as they are.
set -eu
graph=$(awk '
    NR > 1 {
        parts++
        radius = int(($3 < $4 ? $3 : $4) / 4)
        if (radius < 1) radius = 1
        names = names "[cut" parts "]"
        cuts = cuts sprintf(";[cut%d]crop=%d:%d:%d:%d,boxblur=lr=%d:lp=2:cr=%d:cp=2[part%d]", \
            parts, $3, $4, $1, $2, radius, radius, parts)
        lays = lays sprintf(";[over%d][part%d]overlay=%d:%d:format=gbrp[over%d]", parts - 1, parts, $1, $2, parts)
    }
    END {
        printf "[0:v]format=gbrp,split=%d[over0]%s%s%s;[over%d]format=rgb24[out]", \
            parts + 1, names, cuts, lays, parts
    }
' result/faces.txt)
ffmpeg -nostdin -hide_banner -loglevel error -y -protocol_whitelist file -i image \
    -filter_complex "$graph" -map '[out]' -frames:v 1 blurred.png
mv blurred.png result/blurred.png
