#pragma once

namespace rollcall::store {

// `for (const auto& x : NewestFirst(container))`: from the last to the first. Borrows the
// container. As std::views::reverse, which Clang 14 cannot read in GCC 12's library.
template <typename Container>
class NewestFirst {
 public:
  explicit NewestFirst(const Container& container) : container_(container) {}
  auto begin() const { return container_.rbegin(); }
  auto end() const { return container_.rend(); }

 private:
  const Container& container_;
};

}  // namespace rollcall::store
