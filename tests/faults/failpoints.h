#pragma once

#include <array>

#include "table.h"

namespace rollcall::faults {

// Every base::Failpoint of the sources, by the trial that has a process killed there; the last ones
// are where the trial of full and broken disks lets a write fail. Each of these trials demands that
// all of its own are hit, and FailpointList that none is missing here.
inline constexpr std::array kWorkerFailpoints{"worker.assigned",      "segment.created",
                                              "segment.synced",       "segment.announced",
                                              "segment.acknowledged", "worker.finished"};
inline constexpr std::array kOwnerFailpoints{
    "task.claimed",      "worker.spawned",  "segment.renamed", "segment.committed",
    "artefacts.renamed", "stage.succeeded", "projector.step"};
// Of stages, which only the shipped program has; {} is a segment's number.
inline constexpr std::array kShippedFailpoints{"artefact.synced", "detect.segment.{}"};
inline constexpr std::array kDiskFailpoints{"file.write"};
// Where the tests of slow disks delay what is read (tests/e2e/slow_read_test.cc).
inline constexpr std::array kSlowFailpoints{"file.read"};

// Whether what the sources of this program name and what is listed here are the same. A round is a
// failpoint.
Row FailpointList();

}  // namespace rollcall::faults
