#!/usr/bin/env bash
# Makes videos whose picture, sound or container begins at an unusual time: videos.sh SOURCE FOLDER
#
# Every picture of theirs carries its number in a code that players.mjs reads (README.md), and number
# and time as text. The sound is a tone. Needs ffmpeg with libx264, libvpx, libopus and drawtext.
set -euo pipefail

source_video=$1
folder=$2
seconds=12.72
mkdir -p "$folder"

make() {  # make NAME ARGUMENTS
  local name=$1
  shift
  ffmpeg -nostdin -y -v error "$@" "$folder/$name"
}

# Sixteen fields of 16 × 16, top left: on, off, then twelve bits (lowest first), off, on.
code="drawbox=x=0:y=0:w=256:h=16:color=black:t=fill,drawbox=x=0:y=0:w=16:h=16:color=white:t=fill"
code+=",drawbox=x=240:y=0:w=16:h=16:color=white:t=fill"
for bit in {0..11}; do
  code+=",drawbox=x=$((16 * (bit + 2))):y=0:w=16:h=16:color=white:t=fill"
  code+=":enable='mod(floor(n/$((1 << bit))),2)'"
done
text="drawtext=text='%{n}  %{pts}':x=264:y=0:fontsize=16:fontcolor=white:box=1:boxcolor=black"

make picture.mp4 -t "$seconds" -i "$source_video" -an -vf "scale=640:360,fps=25,$code,$text" \
  -c:v libx264 -preset veryfast -crf 20 -g 125 -sc_threshold 0 -bf 2 -threads 1
make picture.webm -i "$folder/picture.mp4" -c:v libvpx -b:v 1M -deadline realtime -cpu-used 8 -threads 1

tone=(-f lavfi -t 18 -i "sine=f=440:r=48000")
late=(-itsoffset 5 -i "$folder/picture.mp4" -map 1:v -map 0:a -c:v copy)
plain=(-i "$folder/picture.mp4" -map 1:v -map 0:a -c:v copy -shortest)

make plain.mp4 "${tone[@]}" "${plain[@]}" -c:a aac
make late_picture.mp4 "${tone[@]}" "${late[@]}" -c:a aac
make late_picture_fragments.mp4 "${tone[@]}" "${late[@]}" -c:a aac -movflags frag_keyframe+empty_moov+delay_moov
# At 60 pictures a second, where AAC's first 21 ms are more than one of them.
make late_picture_60_fragments.mp4 "${tone[@]}" -itsscale 0.416666667 "${late[@]}" -c:a aac \
  -movflags frag_keyframe+empty_moov+delay_moov
make late_picture.mkv "${tone[@]}" "${late[@]}" -c:a aac
make late_picture.ts "${tone[@]}" "${late[@]}" -c:a aac
make late_picture_ten_hours.ts "${tone[@]}" "${late[@]}" -c:a aac -output_ts_offset 36000
make late_picture.webm "${tone[@]}" -itsoffset 5 -i "$folder/picture.webm" -map 1:v -map 0:a -c:v copy -c:a libopus
make early_picture.mp4 -itsoffset 5 "${tone[@]}" "${plain[@]}" -c:a aac
make ten_hours.ts "${tone[@]}" "${plain[@]}" -c:a aac -output_ts_offset 36000
# Nothing at all begins at the container's zero.
make late_alone.mp4 -itsoffset 5 -i "$folder/picture.mp4" -c copy
make late_both.mp4 -itsoffset 5 "${tone[@]}" "${late[@]}" -shortest -c:a aac
make late_both.mkv "${tone[@]}" "${plain[@]}" -c:a aac -output_ts_offset 10
make late_both.webm "${tone[@]}" -i "$folder/picture.webm" -map 1:v -map 0:a -c:v copy -c:a libopus -shortest \
  -output_ts_offset 10
# Reordered pictures of which no edit list says that the first is the beginning.
make no_edit_list.mp4 -i "$folder/picture.mp4" -c copy -use_editlist 0
# An edit list that begins two seconds after the first keyframe.
make cut.mp4 -ss 2 -i "$folder/plain.mp4" -c copy
