#include "jobs/agent.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "base/random.h"
#include "domain/reasons.h"

namespace rollcall::jobs {
namespace {

using std::chrono::milliseconds;

milliseconds Until(base::BootTime at, base::BootTime now) {
  return std::chrono::ceil<milliseconds>(std::max(base::BootTime{0}, at - now));
}

}  // namespace

base::Result<std::unique_ptr<Agent>> Agent::Start(Options options, const Sources& sources) {
  std::unique_ptr<Agent> agent(new Agent(std::move(options), sources));
  ROLLCALL_TRY(agent->reaper_.EndLeftovers(agent->options_.times.exit_grace));
  if (const int left = agent->cgroups_.RemoveLeftovers(); left > 0) {
    sources.log.Note(fmt::format("removed {} control groups that the last owner left", left));
  }
  if (const int left = agent->staging_.RemoveLeftovers(); left > 0) {
    sources.log.Note(fmt::format("removed what {} attempts had not handed over", left));
  }
  ROLLCALL_TRY(agent->disk_.ResumeAll());
  agent->thread_ = std::thread([raw = agent.get()] { raw->Run(); });
  return agent;
}

Agent::Agent(Options options, const Sources& sources)
    : options_(std::move(options)),
      sources_(sources),
      stages_(sources.kinds.Runnable()),
      reaper_(sources.store, sources.log, options_.identity),
      cgroups_(worker::WorkerCgroups::OwnFolder(), sources.data_dir.path()),
      staging_(sources.data_dir.path()),
      disk_(sources.store, sources.clock, sources.log, sources.board,
            {.data_dir = sources.data_dir.path(),
             .stages = stages_,
             .free_bytes_min = options_.disk_free_bytes_min,
             .times = options_.times}),
      watchdog_(sources.clock, options_.times),
      surroundings_{.data_dir = sources.data_dir,
                    .kinds = sources.kinds,
                    .vault = sources.vault,
                    .worker_argv = options_.worker_argv,
                    .worker_memory_bytes_max = options_.worker_memory_bytes_max,
                    .cgroups = cgroups_,
                    .times = options_.times,
                    .store = sources.store,
                    .clock = sources.clock,
                    .board = sources.board,
                    .feed = sources.feed,
                    .log = sources.log,
                    .metrics = sources.metrics,
                    .projector = sources.projector,
                    .background = background_,
                    .segment_checks = segment_checks_,
                    .watchdog = watchdog_,
                    .staging = staging_,
                    .mailbox = mailbox_,
                    .policy = RetryPolicy(options_.times),
                    .on_disk_full =
                        [this](const base::Error& error) {
                          disk_.Pause(error);
                          sources_.feed.Tell({projection::ChangeFeed::Kind::kTransition, {}});
                        },
                    .why_disk_full = [this] { return disk_.WhyFull(); },
                    .why_out_of_reach = [this] { return WhyOutOfReach(); }} {
  const base::BootTime now = sources_.clock.Now().boot;
  renew_at_ = now + Jittered(options_.times.renew);
  reap_at_ = now;
}

Agent::~Agent() {
  if (!thread_.joinable()) return;
  mailbox_->Post([this] { Stop(Stopping::kNow); });
  thread_.join();
  staging_.RemoveDiscarded();  // What the background has not come to.
}

void Agent::Cancel(const std::vector<store::Fence>& fences) {
  // This first: then its thread knows of the cancel before it sees what that did to a worker.
  mailbox_->Post([this, fences] { CancelAttempts(fences); });
  for (const store::Fence& fence : fences) watchdog_.Cancel(fence);
}

void Agent::CancelAttempts(const std::vector<store::Fence>& fences) {
  for (const auto& attempt : attempts_) {
    if (std::ranges::find(fences, attempt->fence()) != fences.end()) attempt->Cancel();
  }
}

void Agent::PauseForSpace(const base::Error& error) {
  mailbox_->Post([this, error] { surroundings_.on_disk_full(error); });
}

void Agent::Interrupt(const store::Fence& fence, base::Error error) {
  mailbox_->Post([this, fence, error = std::move(error)] {
    for (const auto& attempt : attempts_) {
      if (attempt->fence() == fence) attempt->Interrupt(error);
    }
  });
}

void Agent::Drain() {
  mailbox_->Post([this] { Stop(Stopping::kDrain); });
  base::MutexLock lock(mutex_);
  while (!has_ended_) ended_.Wait(mutex_);
}

void Agent::Stop(Stopping how) {
  stopping_ = std::max(stopping_, how);
  for (const auto& attempt : attempts_) {
    if (how == Stopping::kDrain) attempt->Drain();
    if (how == Stopping::kNow) attempt->Interrupt(InterruptedError());
  }
}

std::chrono::nanoseconds Agent::Jittered(milliseconds period) const {
  constexpr double kJitter = 0.2;
  const double factor = 1 + kJitter * (2 * base::RandomUnit() - 1);
  return std::chrono::duration_cast<std::chrono::nanoseconds>(period * factor);
}

void Agent::Run() {
  std::vector<pollfd> fds;
  while (stopping_ == Stopping::kNo || !attempts_.empty()) {
    fds.assign(1, {mailbox_->fd(), POLLIN, 0});
    for (const auto& attempt : attempts_) attempt->AddPollFds(fds);
    ::poll(fds.data(), fds.size(), static_cast<int>(WaitTime().count()));
    if (fds[0].revents != 0) claim_at_ = {};  // Somebody thinks that there is something.

    CheckLeases();  // First: everything else may be slow.
    LookAtDataDir();
    RunMailbox();
    for (const auto& attempt : attempts_) {
      attempt->OnReady();
      attempt->Tick();
    }
    Renew();
    ForgetOver();
    Reap();
    disk_.Tick();
    CarryOutCancels();
    Claim();
  }
  base::MutexLock lock(mutex_);
  has_ended_ = true;
  ended_.NotifyAll();
}

void Agent::RunMailbox() {
  for (const auto& work : mailbox_->Take()) work();
}

milliseconds Agent::WaitTime() {
  const base::BootTime now = sources_.clock.Now().boot;
  milliseconds wait = std::min(Until(renew_at_, now), Until(reap_at_, now));
  const bool has_slot = std::ssize(attempts_) < options_.slots;
  const bool has_cancels = !sources_.cancel_wishes.is_empty();
  const bool can_claim =
      has_slot && stopping_ == Stopping::kNo && !disk_.is_paused() && !has_cancels;
  if (can_claim) wait = std::min(wait, Until(claim_at_, now));
  if (disk_.is_paused()) wait = std::min(wait, options_.times.disk_check);
  if (has_cancels) wait = std::min(wait, Until(cancel_at_, now));
  for (const auto& attempt : attempts_) wait = std::min(wait, attempt->TickWithin());
  return wait;
}

std::vector<std::shared_ptr<Attempt>> Agent::Holding() const {
  std::vector<std::shared_ptr<Attempt>> holding;
  for (const auto& attempt : attempts_) {
    if (attempt->holds_lease()) holding.push_back(attempt);
  }
  return holding;
}

void Agent::Renew() {
  const base::Instant before = sources_.clock.Now();
  if (before.boot < renew_at_) return;
  renew_at_ = before.boot + Jittered(options_.times.renew);
  const auto holding = Holding();
  std::vector<store::Heartbeat> heartbeats;
  for (const auto& attempt : holding) heartbeats.push_back(attempt->heartbeat());
  if (heartbeats.empty()) return;
  const auto replies =
      sources_.store.LeaseRenew(options_.identity, heartbeats, options_.times.lease);
  if (!replies.ok()) {
    not_renewed_ = replies.error();
    if (domain::IsDiskFull(*not_renewed_)) surroundings_.on_disk_full(*not_renewed_);
    // Asked again soon; how long that goes on is watched.
    renew_at_ = before.boot + options_.times.renew / 5;
    return;
  }
  not_renewed_.reset();
  for (const auto& attempt : holding) {
    const auto reply = std::ranges::find(*replies, attempt->fence(), &store::RenewReply::fence);
    if (reply == replies->end() || !reply->is_held) {
      attempt->Lose("its lease was not renewed");
      continue;
    }
    attempt->OnRenewed(before.boot);
    if (reply->is_cancel_wanted) attempt->Cancel();
  }
}

base::Error Agent::WhyOutOfReach() const {
  const bool is_full = not_renewed_ && domain::IsDiskFull(*not_renewed_);
  return is_full ? *not_renewed_ : OutOfReachError();
}

void Agent::CheckLeases() {
  for (const auto& attempt : attempts_) attempt->CheckLease();
}

// Workers would write into a folder that is not there, or into another's.
void Agent::LookAtDataDir() {
  if (has_lost_data_dir_ || sources_.data_dir.IsInPlace()) return;
  has_lost_data_dir_ = true;
  Stop(Stopping::kNow);
  sources_.feed.Tell({projection::ChangeFeed::Kind::kTransition, {}});
}

void Agent::Reap() {
  const base::BootTime now = sources_.clock.Now().boot;
  if (now < reap_at_) return;
  // The lease of an attempt whose row waits for room has run out, perhaps; but it has ended, and
  // its row will say how, before anybody says that it was lost.
  const auto waits = [](const auto& attempt) { return attempt->waits_for_room(); };
  if (std::ranges::any_of(attempts_, waits)) return;
  reap_at_ = now + Jittered(options_.times.reap);
  const auto reaped = reaper_.Reap(options_.times.exit_grace);
  if (!reaped.ok() || reaped->empty()) return;  // Asked again next time.
  sources_.metrics.OnLeasesExpired(reaped->size());
  for (const store::Lease& lease : *reaped) {
    for (const auto& attempt : attempts_) {
      if (attempt->fence() == lease.fence) attempt->Lose("its lease ran out");
    }
  }
  sources_.feed.Tell({projection::ChangeFeed::Kind::kTransition, {}});
  claim_at_ = {};
}

void Agent::ForgetOver() {
  const auto gone = std::erase_if(attempts_, [this](const auto& attempt) {
    // Who stops does not wait for what cannot be killed or written: the next owner ends it.
    const bool is_given_up = stopping_ != Stopping::kNo && attempt->IsHeldUp();
    return attempt->is_over() || is_given_up;
  });
  if (gone > 0) claim_at_ = {};
}

void Agent::CarryOutCancels() {
  const base::BootTime now = sources_.clock.Now().boot;
  if (now < cancel_at_ || sources_.cancel_wishes.is_empty()) return;
  cancel_at_ = now + options_.times.disk_check;
  CancelAttempts(sources_.cancel_wishes.TryAgain());
  sources_.feed.Tell({projection::ChangeFeed::Kind::kTransition, {}});
}

void Agent::Claim() {
  const base::Instant now = sources_.clock.Now();
  // What somebody wants to be cancelled is not begun once more.
  if (!sources_.cancel_wishes.is_empty()) return;
  while (stopping_ == Stopping::kNo && !disk_.is_paused() && now.boot >= claim_at_ &&
         std::ssize(attempts_) < options_.slots) {
    const base::Instant before = sources_.clock.Now();
    auto task = sources_.store.TaskClaim(
        {.agent = options_.identity, .stages = stages_, .lease = options_.times.lease});
    // Then nothing can be started, whoever noticed first.
    if (!task.ok() && domain::IsDiskFull(task.error())) {
      surroundings_.on_disk_full(task.error());
    }
    if (!task.ok() || !task->has_value()) {
      claim_at_ = now.boot + options_.times.claim_poll;
      const auto retry = sources_.store.NextRetry();
      if (retry.ok() && *retry) {
        // Due, and yet not claimed: the store cannot write that. No haste then.
        const auto due = std::max<base::BootTime>(options_.times.claim_poll / 10, **retry);
        claim_at_ = std::min(claim_at_, now.boot + due);
      }
      return;
    }
    static_cast<void>(base::Failpoint("task.claimed"));
    attempts_.push_back(std::make_shared<Attempt>(surroundings_, **std::move(task), before.boot));
    attempts_.back()->Start();
  }
}

}  // namespace rollcall::jobs
