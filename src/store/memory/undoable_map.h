#pragma once

#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <utility>

#include "domain/reasons.h"
#include "store/memory/memory_ledger.h"

namespace rollcall::store {

// What the two halves of MemoryLedger share.

inline base::Error NotOneRow(std::string_view table) {
  return domain::MakeError(domain::reason::kInternal,
                           fmt::format("a guarded update of {} hit no row", table));
}

template <typename Map>
std::optional<typename Map::mapped_type> Find(const Map& map, const typename Map::key_type& key) {
  const auto at = map.find(key);
  if (at == map.end()) return std::nullopt;
  return at->second;
}

template <typename Map>
void MemoryLedger::Set(Map& map, const typename Map::key_type& key,
                       typename Map::mapped_type value) {
  undo_.push_back([&map, key, old = Find(map, key)] {
    map.erase(key);
    if (old) map.emplace(key, *old);
  });
  map.insert_or_assign(key, std::move(value));
}

template <typename Map>
void MemoryLedger::Erase(Map& map, const typename Map::key_type& key) {
  const auto node = map.extract(key);
  if (node.empty()) return;
  undo_.push_back([&map, key, old = node.mapped()] { map.emplace(key, old); });
}

// Whose entry is `unwanted`.
template <typename Map, typename Unwanted>
void MemoryLedger::EraseIf(Map& map, Unwanted unwanted) {
  std::erase_if(map, [&](const auto& entry) {
    if (!unwanted(entry)) return false;
    undo_.push_back([&map, entry] { map.insert(entry); });
    return true;
  });
}

}  // namespace rollcall::store
