// SPDX-License-Identifier: Apache-2.0
#include "parallel/placement.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <hwloc.h>
#include <unistd.h>

#include "parallel/collectives.hpp"
#include "parallel/launcher.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/unique_handle.hpp"
#include "runtime/base/value_bytes.hpp"

namespace talus::parallel {

namespace {

struct TopologyTraits {
  using native_type = hwloc_topology_t;

  static hwloc_topology_t null() noexcept { return nullptr; }

  static void destroy(hwloc_topology_t topology) noexcept { hwloc_topology_destroy(topology); }
};

struct BitmapTraits {
  using native_type = hwloc_bitmap_t;

  static hwloc_bitmap_t null() noexcept { return nullptr; }

  static void destroy(hwloc_bitmap_t bitmap) noexcept { hwloc_bitmap_free(bitmap); }
};

using Topology = UniqueHandle<TopologyTraits>;
using Bitmap = UniqueHandle<BitmapTraits>;

void hwloc_check(int code, char const* call, SourceLocation where = SourceLocation::current()) {
  if (code < 0) {
    throw ApiError{concat(call, " failed: ", std::strerror(errno)), errno, where};
  }
}

Topology load_topology() {
  hwloc_topology_t native = nullptr;
  hwloc_check(hwloc_topology_init(&native), "hwloc_topology_init");
  Topology topology{native};
  hwloc_check(hwloc_topology_load(native), "hwloc_topology_load");
  return topology;
}

// The numbers of the objects of `kind` that this process may run on. A core has the number of its
// first processor: the operating system's, the same for all processes of a host.
std::vector<int> usable(hwloc_topology_t topology,
                        hwloc_const_bitmap_t mine,
                        hwloc_obj_type_t kind) {
  std::vector<int> numbers;
  for (hwloc_obj_t object = hwloc_get_next_obj_by_type(topology, kind, nullptr); object != nullptr;
       object = hwloc_get_next_obj_by_type(topology, kind, object)) {
    if (hwloc_bitmap_intersects(object->cpuset, mine) != 0) {
      numbers.push_back(kind == HWLOC_OBJ_NUMANODE ? static_cast<int>(object->os_index)
                                                   : hwloc_bitmap_first(object->cpuset));
    }
  }
  return numbers;
}

// A placement as numbers, to be gathered: sizes first, then the contents.
std::vector<std::int32_t> packed(Placement const& placement) {
  std::vector<std::int32_t> numbers{placement.rank,
                                    placement.node_rank,
                                    placement.num_host_cores,
                                    static_cast<std::int32_t>(placement.host.size()),
                                    static_cast<std::int32_t>(placement.cores.size())};
  numbers.insert(numbers.end(), placement.host.begin(), placement.host.end());
  numbers.insert(numbers.end(), placement.cores.begin(), placement.cores.end());
  numbers.insert(numbers.end(), placement.numa.begin(), placement.numa.end());
  return numbers;
}

Placement unpacked(std::span<std::byte const> bytes, GridShape const& shape) {
  auto const numbers = values_of<std::int32_t>(bytes);
  auto const host = numbers.begin() + 5;
  auto const cores = host + numbers[3];
  auto const numa = cores + numbers[4];
  Placement placement;
  placement.rank = numbers[0];
  placement.coord = coord_of(shape, placement.rank);
  placement.node_rank = numbers[1];
  placement.num_host_cores = numbers[2];
  placement.host.assign(host, cores);
  placement.cores.assign(cores, numa);
  placement.numa.assign(numa, numbers.end());
  return placement;
}

}  // namespace

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) {
    throw ApiError{"gethostname failed", errno, SourceLocation::current()};
  }
  return short_host(name.data());
}

ProcessPlace local_process_place() {
  Topology const topology = load_topology();
  Bitmap const mine{hwloc_bitmap_alloc()};
  hwloc_check(hwloc_get_cpubind(topology.get(), mine.get(), HWLOC_CPUBIND_PROCESS),
              "hwloc_get_cpubind");
  // Some virtual machines tell of processors only.
  bool const has_cores = hwloc_get_nbobjs_by_type(topology.get(), HWLOC_OBJ_CORE) > 0;
  hwloc_obj_type_t const core = has_cores ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU;
  return {.host = host_name(),
          .cores = usable(topology.get(), mine.get(), core),
          .numa = usable(topology.get(), mine.get(), HWLOC_OBJ_NUMANODE),
          .num_host_cores = hwloc_get_nbobjs_by_type(topology.get(), core)};
}

std::string topology_library() {
  unsigned const version = hwloc_get_api_version();
  return concat(version >> 16U, '.', (version >> 8U) & 0xFFU, '.', version & 0xFFU);
}

Placement local_placement(ProcessGrid const& grid) {
  Placement placement;
  static_cast<ProcessPlace&>(placement) = local_process_place();
  placement.rank = grid.world().rank();
  placement.coord = grid.here();
  placement.node_rank = grid.node().rank();
  return placement;
}

std::vector<Placement> gather_placement(ProcessGrid const& grid) {
  std::vector<std::int32_t> const mine = packed(local_placement(grid));
  std::vector<Placement> placements;
  for (std::vector<std::byte> const& bytes :
       gather_bytes(grid.world(), std::as_bytes(std::span{mine}), 0)) {
    placements.push_back(unpacked(bytes, grid.shape()));
  }
  return placements;
}

}  // namespace talus::parallel
