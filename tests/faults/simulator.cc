#include "simulator.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <queue>
#include <random>
#include <utility>

#include "broken_stores.h"
#include "domain/reasons.h"
#include "store/memory/memory_store.h"
#include "store/testing/contract_fixture.h"
#include "store_model.h"

namespace rollcall::faults {
namespace {

using base::Result;
using std::chrono::milliseconds;

constexpr int kAgents = 3;
constexpr int kSlots = 2;
constexpr milliseconds kLease{12'000};
constexpr milliseconds kRenew{3'000};
constexpr milliseconds kReap{4'000};
constexpr milliseconds kSelfFence{8'000};
constexpr milliseconds kClaimPoll{2'000};
constexpr milliseconds kAnswerLimit{2'000};
constexpr milliseconds kFaultsEnd{60'000};
constexpr milliseconds kLimit{600'000};  // For everything to end; a tenth of it is usual.

// A worker at one task, and what its agent knows of it.
struct Attempt {
  store::LeasedTask task;
  std::int64_t made = 0;   // Segments.
  std::int64_t total = 0;  // To make.
  int rogue_writes = 0;    // Still to come after it was lost.
  bool is_started = false;
  bool is_waiting = false;  // For an answer.
  bool has_met_full_disk = false;
  bool is_over = false;
};
using AttemptPtr = std::shared_ptr<Attempt>;

// A machine: its boot clock goes on by itself from wherever it began, and not while it sleeps.
class Host final : public base::Clock {
 public:
  // `simulated` is what all machines' time goes with.
  Host(const milliseconds& simulated, std::string name)
      : simulated_(simulated), name_(std::move(name)) {}

  base::Instant Now() override {
    return {.wall = base::WallTime{milliseconds{1'700'000'000'000} + simulated_ + wall_jump_},
            .boot = since_boot()};
  }
  milliseconds since_boot() const { return simulated_ + ahead_; }
  int boot_number() const { return boot_number_; }
  std::string boot_id() const { return fmt::format("{}, boot {}", name_, boot_number_); }

  void Reboot(milliseconds since_boot) {
    ++boot_number_;
    ahead_ = since_boot - simulated_;
  }
  void Sleep(milliseconds by) { ahead_ += by; }
  void JumpWall(milliseconds by) { wall_jump_ += by; }

 private:
  const milliseconds& simulated_;
  const std::string name_;
  int boot_number_ = 0;
  milliseconds ahead_{};
  milliseconds wall_jump_{};
};

struct Agent {
  std::unique_ptr<Host> host;  // What it takes for now is what this one shows.
  store::AgentIdentity identity;
  int incarnation = 0;
  bool is_up = false;
  bool has_ended_leftovers = false;
  milliseconds stopped_until{};  // SIGSTOP.
  milliseconds renewed_at{};
  milliseconds renew_at{};
  milliseconds reap_at{};
  bool is_claiming = false;
  std::vector<AttemptPtr> attempts;
};

class Simulation {
 public:
  Simulation(std::uint32_t seed, Breakage breakage, bool is_traced)
      : random_(seed),
        is_traced_(is_traced),
        rows_(new store::MemoryStore({.clock = store_host_, .boot_id = store_host_.boot_id()})),
        store_(Break(std::unique_ptr<store::JobStore>(rows_), breakage, store_host_), [this] {
          return StoreModel::Time{.boot_number = store_host_.boot_number(),
                                  .since_boot = store_host_.since_boot(),
                                  .wall = store_host_.Now().wall};
        }) {}

  Life Run();

 private:
  using Act = std::function<void()>;
  struct Step {
    milliseconds at;
    std::int64_t order;
    Act act;
    bool operator<(const Step& other) const {
      return std::pair(at, order) > std::pair(other.at, other.order);
    }
  };

  int Below(int limit) { return static_cast<int>(random_() % static_cast<unsigned>(limit)); }
  bool Chance(int percent) { return Below(100) < percent; }
  milliseconds Within(int from_ms, int to_ms) {
    return milliseconds{from_ms + Below(to_ms - from_ms)};
  }
  bool has_faults() const { return now_ < kFaultsEnd; }
  void In(milliseconds delay, Act act) { steps_.push({now_ + delay, ++order_, std::move(act)}); }
  template <typename... Values>
  void Trace(fmt::format_string<Values...> text, Values&&... values) {
    if (!is_traced_) return;
    fmt::print("{:>5} {:>9.3f} s  {}\n", life_.steps, static_cast<double>(now_.count()) / 1000,
               fmt::format(text, std::forward<Values>(values)...));
  }
  void Hit(const char* fault) { ++life_.hits[fault]; }

  template <typename Call, typename OnAnswer>
  void Send(const std::string& what, Call call, OnAnswer on_answer);
  template <typename Call, typename OnAnswer>
  void SendFrom(Agent& agent, const std::string& what, Call call, OnAnswer on_answer);

  void Boot(Agent& agent);
  void Crash(Agent& agent);
  void EndLeftovers(Agent& agent);
  void Tick(Agent& agent, int incarnation);
  void Renew(Agent& agent);
  void Claim(Agent& agent);
  void Adopt(Agent& agent, store::LeasedTask task);
  void Lose(Agent& agent, const AttemptPtr& attempt);
  void Work(Agent& agent, const AttemptPtr& attempt);
  void WorkOn(Agent& agent, const AttemptPtr& attempt);
  void Misbehave(Agent& agent, const AttemptPtr& attempt);
  void Commit(Agent& agent, const AttemptPtr& attempt);
  void Succeed(Agent& agent, const AttemptPtr& attempt);
  void End(Agent& agent, const AttemptPtr& attempt, store::AttemptOutcome outcome,
           std::optional<milliseconds> retry_in);
  void WriteOn(const Agent& agent, const AttemptPtr& attempt);
  void Submit(store::JobRequest request, int tries);
  void SubmitSomething();
  void CancelSomething();
  void OnSomeMachines(Agent& agent, const std::function<void(Host&, Agent*)>& act);
  void Fault();
  void StopFaults();

  std::mt19937 random_;
  const bool is_traced_;
  milliseconds now_{};
  Host store_host_{now_, "store"};
  store::MemoryStore* rows_;  // Behind `store_`.
  StoreModel store_;
  std::priority_queue<Step> steps_;
  std::int64_t order_ = 0;
  int keys_ = 0;
  std::vector<Agent> agents_{kAgents};
  std::vector<store::JobId> accepted_;
  Life life_;
};

// --- Messages

// Does `call` at the store after a while and hands its answer over after another; or loses the one
// or the other, and says so with nothing when the limit is over.
template <typename Call, typename OnAnswer>
void Simulation::Send(const std::string& what, Call call, OnAnswer on_answer) {
  const bool is_faulty = has_faults();
  const auto travel = [&] {
    if (!is_faulty || !Chance(6)) return Within(1, 40);
    Hit("delayed");
    return Within(500, 20'000);
  };
  const auto sent = now_;
  const bool is_lost = is_faulty && Chance(4);
  const bool is_answer_lost = is_faulty && Chance(4);
  const auto there = travel();
  const auto back = travel();
  if (is_lost) {
    Hit("lost");
    Trace("{}: lost", what);
    return In(kAnswerLimit, [on_answer] { on_answer({}); });
  }
  if (is_answer_lost) Hit("answer lost");
  const bool is_late = is_answer_lost || there + back > kAnswerLimit;
  In(there, [this, what, call, on_answer, is_late, back] {
    auto answer = call();
    Trace("{}: {}{}", what, answer.ok() ? "ok" : answer.error().reason,
          is_late ? ", nobody hears it" : "");
    if (!is_late) {
      In(back, [on_answer, answer = std::optional(std::move(answer))] { on_answer(answer); });
    }
  });
  if (is_late) {
    const milliseconds limit = kAnswerLimit;
    In(limit - (now_ - sent), [on_answer] { on_answer({}); });
  }
}

// The same for a message of this life of an agent: an answer to a dead one goes nowhere, one to a
// stopped one waits.
template <typename Call, typename OnAnswer>
void Simulation::SendFrom(Agent& agent, const std::string& what, Call call, OnAnswer on_answer) {
  using Answer = std::optional<decltype(call())>;
  Send(agent.identity.id + " " + what, std::move(call),
       [this, &agent, life = agent.incarnation, on_answer](const Answer& answer) {
         if (agent.incarnation != life || !agent.is_up) return;
         if (agent.stopped_until <= now_) return on_answer(answer);
         In(agent.stopped_until - now_, [&agent, life, on_answer, answer] {
           if (agent.incarnation == life && agent.is_up) on_answer(answer);
         });
       });
}

// --- Agents

void Simulation::Boot(Agent& agent) {
  ++agent.incarnation;
  agent.identity.incarnation = std::to_string(agent.incarnation);
  agent.identity.boot_id = agent.host->boot_id();
  agent.is_up = true;
  agent.is_claiming = false;
  agent.has_ended_leftovers = false;
  agent.stopped_until = {};
  agent.renewed_at = agent.renew_at = agent.reap_at = agent.host->since_boot();
  Trace("{} begins, incarnation {}", agent.identity.id, agent.incarnation);
  EndLeftovers(agent);
  In(Within(1, 500), [this, &agent, life = agent.incarnation] { Tick(agent, life); });
}

void Simulation::Crash(Agent& agent) {
  if (!agent.is_up) return;
  agent.is_up = false;
  Trace("{} crashes", agent.identity.id);
  for (const AttemptPtr& attempt : agent.attempts) Lose(agent, attempt);
  agent.attempts.clear();
  In(Within(200, 15'000), [this, &agent] {
    if (!agent.is_up) Boot(agent);
  });
}

void Simulation::EndLeftovers(Agent& agent) {
  using Answer = std::optional<Result<std::vector<store::Lease>>>;
  SendFrom(
      agent, "leftovers", [this, id = agent.identity] { return store_.LeaseLeftovers(id); },
      [this, &agent](const Answer& leftovers) {
        if (!leftovers || !leftovers->ok()) return EndLeftovers(agent);
        agent.has_ended_leftovers = true;
        for (const store::Lease& lease : **leftovers) {
          // Whoever is not heard here is reaped later.
          SendFrom(
              agent, fmt::format("voids token {}", lease.fence.token),
              [this, fence = lease.fence] { return store_.LeaseVoid(fence); }, [](const auto&) {});
        }
      });
}

void Simulation::Tick(Agent& agent, int incarnation) {
  if (agent.incarnation != incarnation || !agent.is_up) return;
  if (agent.stopped_until > now_) {
    return In(agent.stopped_until - now_,
              [this, &agent, incarnation] { Tick(agent, incarnation); });
  }
  std::erase_if(agent.attempts, [](const AttemptPtr& attempt) { return attempt->is_over; });
  const milliseconds now = agent.host->since_boot();
  if (now - agent.renewed_at > kSelfFence) {
    for (const AttemptPtr& attempt : std::exchange(agent.attempts, {})) {
      Trace("{} fences itself: token {}", agent.identity.id, attempt->task.fence.token);
      Lose(agent, attempt);
    }
  }
  if (agent.attempts.empty()) agent.renewed_at = now;
  if (now >= agent.renew_at && !agent.attempts.empty()) Renew(agent);
  if (now >= agent.reap_at) {
    agent.reap_at = now + kReap + Within(0, 500);
    SendFrom(
        agent, "reaps", [this] { return store_.LeaseReap(); }, [](const auto&) {});
  }
  if (std::ssize(agent.attempts) < kSlots && !agent.is_claiming) Claim(agent);
  In(kClaimPoll + Within(0, 300), [this, &agent, incarnation] { Tick(agent, incarnation); });
}

void Simulation::Renew(Agent& agent) {
  const milliseconds now = agent.host->since_boot();
  agent.renew_at = now + kRenew - Within(0, 600);
  std::vector<store::Heartbeat> heartbeats;
  for (const AttemptPtr& attempt : agent.attempts) {
    heartbeats.push_back({.fence = attempt->task.fence, .liveness = {}});
  }
  using Answer = std::optional<Result<std::vector<store::RenewReply>>>;
  SendFrom(
      agent, "renews",
      [this, id = agent.identity, heartbeats] { return store_.LeaseRenew(id, heartbeats, kLease); },
      [this, &agent, asked = now](const Answer& replies) {
        if (!replies || !replies->ok()) {
          agent.renew_at = agent.host->since_boot();
          return;
        }
        agent.renewed_at = std::max(agent.renewed_at, asked);
        for (const store::RenewReply& reply : **replies) {
          for (const AttemptPtr& attempt : agent.attempts) {
            if (attempt->task.fence != reply.fence || attempt->is_over) continue;
            if (!reply.is_held) Lose(agent, attempt);
            if (reply.is_held && reply.is_cancel_wanted && Chance(80)) {
              End(agent, attempt, store::AttemptOutcome::kCancelled, {});
            }
          }
        }
      });
}

void Simulation::Claim(Agent& agent) {
  agent.is_claiming = true;
  using Answer = std::optional<Result<std::optional<store::LeasedTask>>>;
  SendFrom(
      agent, "claims",
      [this, id = agent.identity] {
        return store_.TaskClaim({.agent = id, .stages = {}, .lease = kLease});
      },
      [this, &agent](const Answer& task) {
        agent.is_claiming = false;
        if (!task || !task->ok() || !**task) return;
        Adopt(agent, ***task);
      });
}

void Simulation::Adopt(Agent& agent, store::LeasedTask task) {
  auto attempt = std::make_shared<Attempt>();
  attempt->made = std::ssize(task.segments);
  attempt->total = 1 + static_cast<std::int64_t>(task.run.work_key.size() +
                                                 static_cast<unsigned char>(task.run.name[0])) %
                           3;
  attempt->task = std::move(task);
  Trace("{} begins token {} of {}", agent.identity.id, attempt->task.fence.token,
        attempt->task.run.job_name());
  if (agent.attempts.empty()) agent.renewed_at = agent.host->since_boot();
  agent.attempts.push_back(attempt);
  if (has_faults() && attempt->made > 0 && Chance(8)) {  // A file was damaged.
    Hit("damaged segment");
    attempt->made = Below(static_cast<int>(attempt->made));
    store_.SegmentDrop(attempt->task.run.work_key, attempt->made).ok();
  }
  Work(agent, attempt);
}

// Its agent knows nothing of it any more. Some workers do not hear that.
void Simulation::Lose(Agent& agent, const AttemptPtr& attempt) {
  if (attempt->is_over) return;
  attempt->is_over = true;
  if (!has_faults() || !Chance(40)) return;
  Hit("writes on");
  attempt->rogue_writes = 1 + Below(5);
  WriteOn(agent, attempt);
}

// --- Workers

void Simulation::Work(Agent& agent, const AttemptPtr& attempt) {
  In(Within(100, 2'500), [this, &agent, attempt, life = agent.incarnation] {
    if (agent.incarnation != life || !agent.is_up || attempt->is_over) return;
    WorkOn(agent, attempt);
  });
}

void Simulation::WorkOn(Agent& agent, const AttemptPtr& attempt) {
  if (attempt->is_waiting || agent.stopped_until > now_) return Work(agent, attempt);
  if (!attempt->is_started) {
    attempt->is_waiting = true;
    SendFrom(
        agent, fmt::format("starts token {}", attempt->task.fence.token),
        [this, fence = attempt->task.fence] { return store_.TaskStarted(fence, 7, 7); },
        [this, &agent, attempt](const std::optional<Result<void>>& started) {
          attempt->is_waiting = false;
          attempt->is_started = started && started->ok();
          if (started && !started->ok()) Lose(agent, attempt);
        });
  } else if (has_faults() && Chance(9)) {
    return Misbehave(agent, attempt);
  } else if (attempt->made < attempt->total) {
    Commit(agent, attempt);
  } else {
    Succeed(agent, attempt);
  }
  Work(agent, attempt);
}

void Simulation::Misbehave(Agent& agent, const AttemptPtr& attempt) {
  attempt->has_met_full_disk = Chance(15);
  if (attempt->has_met_full_disk) {
    Hit("disk full");
    return End(agent, attempt, store::AttemptOutcome::kInterrupted, {});
  }
  constexpr std::array kOutcomes{store::AttemptOutcome::kFailed, store::AttemptOutcome::kCrashed,
                                 store::AttemptOutcome::kStalled,
                                 store::AttemptOutcome::kInterrupted};
  const auto outcome = kOutcomes[static_cast<std::size_t>(Below(kOutcomes.size()))];
  if (outcome == store::AttemptOutcome::kStalled) {
    static_cast<void>(
        store_.LeaseMarkStalled(attempt->task.fence, Chance(50) ? "no progress" : ""));
  }
  Hit("worker ended");
  End(agent, attempt, outcome, Chance(90) ? std::optional(Within(10, 5'000)) : std::nullopt);
}

std::string HashOf(const store::LeasedTask& task, std::int64_t number) {
  return fmt::format("{}#{}", task.run.work_key, number);
}

domain::Segment SegmentOf(std::int64_t number, std::string hash) {
  return {.number = number,
          .pts_from = std::chrono::seconds{number},
          .pts_to = std::chrono::seconds{number + 1},
          .path = {},
          .size_bytes = 1,
          .sha256 = std::move(hash),
          .counters_json = "{}",
          .resume_blob = {}};
}

void Simulation::Commit(Agent& agent, const AttemptPtr& attempt) {
  attempt->is_waiting = true;
  const std::int64_t number = attempt->made;
  SendFrom(
      agent, fmt::format("commits segment {} with token {}", number, attempt->task.fence.token),
      [this, fence = attempt->task.fence,
       segment = SegmentOf(number, HashOf(attempt->task, number))] {
        return store_.SegmentCommit(fence, segment);
      },
      [this, &agent, attempt](const std::optional<Result<void>>& committed) {
        attempt->is_waiting = false;
        if (!committed) return;  // The same once more.
        if (committed->ok()) {
          ++attempt->made;
        } else if (committed->error().reason == domain::reason::kFenced) {
          Lose(agent, attempt);
        } else {
          End(agent, attempt, store::AttemptOutcome::kFailed, milliseconds{0});
        }
      });
}

void Simulation::Succeed(Agent& agent, const AttemptPtr& attempt) {
  attempt->is_waiting = true;
  SendFrom(
      agent, fmt::format("succeeds with token {}", attempt->task.fence.token),
      [this, fence = attempt->task.fence] { return store_.TaskSucceed(fence, "{}", {}, {}); },
      [this, &agent, attempt](const std::optional<Result<void>>& succeeded) {
        attempt->is_waiting = false;
        if (!succeeded) return;
        if (succeeded->ok()) attempt->is_over = true;
        if (!succeeded->ok()) Lose(agent, attempt);
      });
}

void Simulation::End(Agent& agent, const AttemptPtr& attempt, store::AttemptOutcome outcome,
                     std::optional<milliseconds> retry_in) {
  attempt->is_waiting = true;
  attempt->is_started = true;
  store::AttemptEnd end = store::MakeEnd(outcome);
  if (attempt->has_met_full_disk) {
    end.error = domain::MakeError(domain::reason::kDiskFull, "no room");
  }
  end.retry_in = retry_in;
  SendFrom(
      agent,
      fmt::format("ends token {} ({})", attempt->task.fence.token,
                  store::AttemptOutcomeName(outcome)),
      [this, fence = attempt->task.fence, end] { return store_.TaskEnd(fence, end); },
      [this, &agent, attempt, outcome, retry_in](const std::optional<Result<void>>& ended) {
        if (attempt->is_over) return;
        if (!ended) return End(agent, attempt, outcome, retry_in);
        attempt->is_over = true;
      });
}

// A worker that its agent lost: its writes come with the old fence, and with other bytes.
void Simulation::WriteOn(const Agent& agent, const AttemptPtr& attempt) {
  In(Within(100, 9'000), [this, &agent, attempt] {
    if (--attempt->rogue_writes < 0) return;
    const store::Fence& fence = attempt->task.fence;
    Trace("a lost worker writes with token {}", fence.token);
    const auto number = attempt->made++;
    switch (Below(4)) {
      case 0:
        store_.TaskSucceed(fence, "{}", {}, {}).ok();
        break;
      case 1:
        store_.TaskEnd(fence, store::MakeEnd(store::AttemptOutcome::kFailed)).ok();
        break;
      default:
        store_.SegmentCommit(fence, SegmentOf(number, fmt::format("late {}", fence.token))).ok();
    }
    WriteOn(agent, attempt);
  });
}

// --- People

void Simulation::SubmitSomething() {
  const std::string key = fmt::format("x{}", Below(3));
  store::JobRequest request =
      Chance(15) ? store::MakeSeparate("hume", key)
                 : store::MakeRequest(Chance(50) ? "analyze" : "detect", key,
                                      {"extract", "detect", "track"}, 1 + Below(2));
  request.priority = Below(3);
  if (Chance(40)) request.idempotency_key = fmt::format("key {}", ++keys_);
  if (Chance(50)) request.stages.resize(std::min<std::size_t>(2, request.stages.size()));
  for (store::StageRequest& stage : request.stages) {
    const auto done = store_.RunSucceeded(stage.work_key);
    const bool is_reused = done.ok() && *done && stage.dedupe_key && Chance(50);
    if (is_reused) stage.reuse = (*done)->id;
    stage.drops_segments = !is_reused && Chance(10);
  }
  Submit(std::move(request), 5);
}

// Whoever hears nothing asks again, so that a submission may come twice.
void Simulation::Submit(store::JobRequest request, int tries) {
  if (tries == 0) return;
  using Answer = std::optional<Result<store::Submission>>;
  const auto call = [this, request] { return store_.JobSubmit(request); };
  Send(fmt::format("a person submits {}_{}", request.kind, request.subject.id), call,
       [this, request, tries](const Answer& answer) {
         if (!answer) return Submit(request, tries - 1);
         if (answer->ok()) accepted_.push_back((*answer)->job.id);
       });
}

void Simulation::CancelSomething() {
  if (accepted_.empty()) return;
  const store::JobId id =
      accepted_[static_cast<std::size_t>(Below(static_cast<int>(accepted_.size())))];
  using Answer = std::optional<Result<store::CancelOutcome>>;
  Send(
      fmt::format("a person cancels job {}", static_cast<std::int64_t>(id)),
      [this, id] { return store_.JobCancel(id); }, [](const Answer&) {});
}

// --- Faults

// That of the store, that of an agent, or all: the same one, as it may be.
void Simulation::OnSomeMachines(Agent& agent, const std::function<void(Host&, Agent*)>& act) {
  const int which = Below(3);
  if (which == 0) return act(*agent.host, &agent);
  act(store_host_, nullptr);
  if (which == 1) return;
  for (Agent& each : agents_) act(*each.host, &each);
}

void Simulation::Fault() {
  Agent& agent = agents_[static_cast<std::size_t>(Below(kAgents))];
  switch (Below(9)) {
    case 0:
    case 1:
      Hit("agent crashed");
      return Crash(agent);
    case 2:
    case 3:
      Hit("agent stopped");
      agent.stopped_until = now_ + Within(1'000, 30'000);
      return Trace("{} stops for a while", agent.identity.id);
    case 4:
      Hit("reboot");
      return OnSomeMachines(agent, [this](Host& host, Agent* on_it) {
        Trace("the machine of {} reboots", on_it ? on_it->identity.id : "the store");
        // What its clock shows then may be more than before.
        host.Reboot(Chance(50) ? Within(0, 1'000) : Within(0, 100'000'000));
        if (on_it) return Crash(*on_it);
        rows_->Reboot(host.boot_id());
      });
    case 5:
      Hit("wall jump");
      store_host_.JumpWall(std::chrono::hours{Chance(50) ? 1 : -24} * (Chance(50) ? 1 : -1));
      return Trace("the store's wall clock jumps");
    case 6:
      Hit("suspend");
      return OnSomeMachines(agent, [this, by = Within(1'000, 3'600'000)](Host& host, Agent* on_it) {
        Trace("the machine of {} slept", on_it ? on_it->identity.id : "the store");
        host.Sleep(by);
      });
    case 7:
      Hit("queue paused");
      static_cast<void>(store_.QueuePause("detect", "disk full"));
      In(Within(1'000, 15'000), [this] { static_cast<void>(store_.QueuePause("detect", "")); });
      return Trace("detect is paused");
    default:
      return CancelSomething();
  }
}

void Simulation::StopFaults() {
  Trace("no more faults");
  for (Agent& agent : agents_) {
    agent.stopped_until = {};
    if (!agent.is_up) Boot(agent);
  }
  static_cast<void>(store_.QueuePause("detect", ""));
}

Life Simulation::Run() {
  for (std::size_t i = 0; i < agents_.size(); ++i) {
    agents_[i].identity.id = fmt::format("agent{}", i);
    agents_[i].host = std::make_unique<Host>(now_, agents_[i].identity.id);
    agents_[i].host->Reboot(Within(0, 100'000'000));
    Boot(agents_[i]);
  }
  const auto faulty_ms = static_cast<int>(kFaultsEnd.count());
  for (int i = 0; i < 5; ++i) In(Within(0, faulty_ms / 2), [this] { SubmitSomething(); });
  for (int i = 0; i < 6; ++i) In(Within(1'000, faulty_ms), [this] { Fault(); });
  In(kFaultsEnd, [this] { StopFaults(); });
  bool has_ended = false;
  milliseconds next_look = kFaultsEnd + milliseconds{1'000};
  while (!steps_.empty() && !has_ended && store_.violation().empty() && now_ < kLimit) {
    Act act = steps_.top().act;
    now_ = steps_.top().at;
    steps_.pop();
    ++life_.steps;
    act();
    if (now_ < next_look) continue;
    next_look = now_ + milliseconds{1'000};
    has_ended = !store_.FirstOpenJob() && now_ > kFaultsEnd + kLease;
  }
  std::string violation = store_.violation();
  if (violation.empty() && !has_ended) {
    violation = fmt::format("{} did not end by itself", store_.FirstOpenJob().value_or("?"));
  }
  if (violation.empty()) {
    store_.CheckEnd();
    violation = store_.violation();
  }
  life_.writes_refused = store_.writes_refused();
  if (!violation.empty()) life_.violation = fmt::format("step {}: {}", life_.steps, violation);
  Trace("{}", violation.empty() ? "all has ended well" : violation);
  return std::move(life_);
}

}  // namespace

Life Simulate(std::uint32_t seed, Breakage breakage, bool is_traced) {
  return Simulation(seed, breakage, is_traced).Run();
}

}  // namespace rollcall::faults
