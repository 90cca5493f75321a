// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace talus::parallel {

/// What a point-to-point message is; the one list, so that two kinds never match each other.
enum class Tag : int {
  activations = 1,       ///< between pipeline stages (channel.hpp)
  tree_partials = 2,     ///< partial sums to the rank that folds them (tree_sum.hpp)
  tree_result = 3,       ///< folded slices to all (tree_sum.hpp)
  mail = 4,              ///< byte messages (mailbox.hpp)
  queue_request = 5,     ///< "next work, please" to the rank that counts (work_queue.hpp)
  queue_answer = 6,      ///< the first index handed out (work_queue.hpp)
  notice = 7,            ///< that something happened on a rank (notice.hpp)
  probe = 8,             ///< how fast, and what time it is there (jobs/doctor/link_probe.hpp)
  watch = 9,             ///< between the watchdogs of ranks on several nodes (watch_mail.hpp)
  spread = 10,           ///< blocks of an all-gather over many ranks (spread.hpp)
  gather_size = 11,      ///< how many bytes follow (gather_bytes.cpp)
  gather = 12,           ///< bytes to the root of a gather (gather_bytes.cpp)
  device_exchange = 13,  ///< between the memories of devices (exchange.hpp)
};

}  // namespace talus::parallel
