// SPDX-License-Identifier: Apache-2.0
#include "jobs/doctor/file_system.hpp"

#include <array>
#include <charconv>

#include <sys/vfs.h>

namespace talus::doctor {

namespace {

struct Kind {
  std::uint64_t magic;
  char const* name;
};

// Of Linux' linux/magic.h, and of file systems outside of it what their own sources define.
constexpr Kind kinds[] = {{0xEF53, "ext"},
                          {0x58465342, "xfs"},
                          {0x9123683E, "btrfs"},
                          {0x2FC12FC1, "zfs"},
                          {0x01021994, "tmpfs"},
                          {0x858458F6, "ramfs"},
                          {0x794C7630, "overlayfs"},
                          {0x73717368, "squashfs"},
                          {0x6969, "nfs"},
                          {0xFF534D42, "cifs"},
                          {0xFE534D42, "smb2"},
                          {0x01021997, "9p"},
                          {0x65735546, "fuse"},
                          {0x00C36400, "ceph"},
                          {0x0BD00BD0, "lustre"},
                          {0x47504653, "gpfs"},
                          {0x19830326, "beegfs"},
                          {0x20030528, "orangefs"},
                          {0xAAD7AAEA, "panfs"}};

}  // namespace

std::string file_system_name(std::uint64_t magic) {
  for (Kind const& kind : kinds) {
    if (kind.magic == magic) {
      return kind.name;
    }
  }
  std::array<char, 16> digits{};
  auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), magic, 16);
  return "0x" + std::string{digits.data(), end.ptr};
}

std::string file_system_of(std::filesystem::path const& path) {
  struct ::statfs status {};

  if (::statfs(path.c_str(), &status) != 0) {
    return "unknown";
  }
  // The field is signed on some systems, and the numbers have 32 bits.
  return file_system_name(static_cast<std::uint32_t>(status.f_type));
}

}  // namespace talus::doctor
