#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "domain/episode_key.h"
#include "episode/stages/episode_stages.h"
#include "store/job_store.h"

namespace rollcall::episode {

// What somebody asks for.
struct StartRequest {
  std::string kind = "analyze";  // "analyze", or a stage's name: that stage and what it needs.
  std::filesystem::path video;   // Absolute; empty: the episode is registered already.
  std::string episode;           // Key; empty: from the video's name.
  std::string effort = "normal";
  std::string from;                  // Run this stage and those after it again; empty: none.
  bool is_forced = false;            // Run all again: everything of "analyze", else that one stage.
  std::filesystem::path model_pack;  // Folder.
  std::string provider = "cpu";

  base::Json ToJson() const;
  // kInvalidArgument / ERR_BAD_REQUEST, ERR_BAD_PARAMS for an unknown stage.
  static base::Result<StartRequest> FromJson(const base::Json& json);
};

// What to submit.
struct EpisodePlan {
  store::Episode episode;
  store::JobRequest request;
};

// A video in the registry, and how it came there.
struct Registration {
  store::Episode episode;
  bool is_new = false;
  std::string path_before;  // Of an episode that was known; empty if it is new.

  bool has_moved() const { return !is_new && path_before != episode.video_path; }
};

// ERR_VIDEO_NOT_FOUND, or ERR_VIDEO_UNREADABLE for a directory and for an empty file.
base::Result<void> CheckVideoFile(const std::filesystem::path& video);

// Turns what somebody asks for into work: which episode, which stages, with which parameters, and
// which finished results serve as they are.
//
// A work_key is the SHA-256 of subject, stage, its revision, the parameters that change its result,
// and its inputs: the video's fingerprint for validate, else the work_keys of the stages it needs;
// the models' hashes for detect; the edits that stand for analytics. The video's path is not in
// it: a moved file keeps its results.
//
// Thread-compatible. Borrows `store`.
class EpisodePlanner {
 public:
  // A finished run of this work whose files are whole; nullopt if there is none.
  using FindReusable =
      std::function<base::Result<std::optional<store::StageRunId>>(const std::string& work_key)>;
  using Fingerprint = std::function<base::Result<std::string>(const std::filesystem::path&)>;

  EpisodePlanner(store::JobStore& store, base::Clock& clock, Fingerprint fingerprint,
                 const subject::StageTable& stages = EpisodeStages())
      : store_(store), clock_(clock), fingerprint_(std::move(fingerprint)), stages_(stages) {}

  // Puts the video into the registry, under `key_text`, or the key that its name gives, or one of
  // its fingerprint if its name gives none. The same video at another path is known there from now
  // on. Says nothing of whether it can be decoded: that is for validate. ERR_VIDEO_NOT_FOUND,
  // ERR_VIDEO_UNREADABLE (a directory, empty), ERR_PERMISSION, ERR_BAD_EPISODE_KEY,
  // ERR_EPISODE_KEY_TAKEN with a free key in the hint.
  base::Result<Registration> Register(const std::filesystem::path& video,
                                      const std::string& key_text);

  // Registers the episode if the request names a video. Errors as Register, and
  // ERR_PROVIDER_MISSING (detect is asked for; nothing is registered then),
  // ERR_EPISODE_NOT_REGISTERED, ERR_VIDEO_NOT_FOUND (it is needed and gone).
  base::Result<EpisodePlan> Plan(const StartRequest& request, const FindReusable& find_reusable);

 private:
  base::Result<store::Episode> Replace(const store::Episode& old, const store::Episode& fresh,
                                       const domain::EpisodeKey& key);
  base::Error Taken(const store::Episode& holder, const store::Episode& wanted,
                    const domain::EpisodeKey& key);
  // A key like `key` that a video may have, and whether it has it already; empty: there is none.
  struct Offer {
    std::string key;
    bool is_known = false;
  };
  base::Result<Offer> OfferFor(const store::Episode& wanted, const domain::EpisodeKey& key);
  base::Result<store::Episode> Find(const StartRequest& request);
  base::Result<bool> HasTheseGaps(store::StageRunId run, const std::set<std::string>& gaps,
                                  base::Json& own_gaps);

  store::JobStore& store_;
  base::Clock& clock_;
  Fingerprint fingerprint_;
  const subject::StageTable& stages_;
};

}  // namespace rollcall::episode
