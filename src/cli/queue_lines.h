#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/terminal.h"
#include "cli/video_queue.h"

namespace rollcall::cli {

// A queue of videos in words and as lines for a terminal. Pure: the same queue gives the same text.

// "50 s", "41 min", "3 h 20 min": a time that nobody knows to the second.
std::string RoughDuration(double seconds);

// "3 of 12 done (1 before), 2 failed, about 41 min left (at most 55)"
std::string WholeText(const VideoQueue& queue);

// What has come of a video: "5 people in 42:10, took 3:20", "ERR_VIDEO_UNREADABLE: …".
std::string NewsText(const VideoQueue& queue, std::size_t index);
// "3/12 e3.mp4"
std::string NumberedName(const VideoQueue& queue, std::size_t index);

// The videos that are worked on, a line each, and one for the whole:
//
//   ● e3.mp4  detect     ━━━━━━━━━━━╸──────  54%  6 804/12 600 frames  8.5×  1:02 left  ♥ 1 s
//   ● e4.mp4  validate   starting
//     3 of 12 done, 2 failed, about 41 min left (at most 55)                            12:42
//
// `elapsed_s`: since the command began. No line is wider than the terminal.
std::vector<std::string> QueueLines(const VideoQueue& queue, const Terminal& terminal,
                                    double elapsed_s);
// A line that stays of a video that has ended: "✓ e3.mp4  5 people in 42:10, took 3:20".
std::string EndedLine(const VideoQueue& queue, std::size_t index, const Terminal& terminal);

}  // namespace rollcall::cli
