#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vision/network_input.h"
#include "vision/runtime/session.h"

namespace rollcall::vision {

// Runs a network of one picture input over any number of pictures, as many at a time as the model
// and the pack allow, and gives one row of output per picture.
//
// Not thread-safe.
class BatchRunner {
 public:
  // batch_max: pictures per run, 0 = as many as the model takes, at most 8.
  // ERR_BAD_CONFIG if the plan does not fit the model.
  static base::Result<BatchRunner> Create(std::unique_ptr<runtime::Session> session,
                                          NetworkInput input, std::vector<std::string> outputs,
                                          int batch_max);

  const NetworkInput& input() const { return input_; }
  std::size_t batch_max() const { return batch_max_; }

  // `images` are of the input's size and format. `take` gets each picture's index and output row.
  using TakeRow = std::function<void(std::size_t index, std::span<const float> row)>;
  base::Result<void> Run(std::span<const domain::Image> images, const TakeRow& take);

 private:
  BatchRunner(std::unique_ptr<runtime::Session> session, NetworkInput input,
              std::vector<std::string> outputs, std::size_t batch_max);

  std::unique_ptr<runtime::Session> session_;
  NetworkInput input_;
  std::vector<std::string> outputs_;
  std::size_t batch_max_;
  std::vector<float> planes_;
};

}  // namespace rollcall::vision
