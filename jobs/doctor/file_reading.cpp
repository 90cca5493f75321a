// SPDX-License-Identifier: Apache-2.0
#include "jobs/doctor/file_reading.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "io/files/open_file.hpp"
#include "jobs/doctor/file_system.hpp"
#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/value_bytes.hpp"

namespace talus::doctor {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t piece_bytes = std::int64_t{4} << 20;
constexpr std::size_t page_bytes = 4096;  // what O_DIRECT asks of addresses, offsets and lengths

struct Piece {
  fs::path const* file;
  std::int64_t offset;
  std::int64_t bytes;
};

struct CheckpointFile {
  fs::path path;
  std::int64_t bytes;
};

/// The weights' files; all regular files where there are none by that name.
std::vector<CheckpointFile> files_of(fs::path const& directory) {
  std::vector<CheckpointFile> all;
  std::vector<CheckpointFile> weights;
  for (fs::directory_entry const& entry : fs::directory_iterator{directory}) {
    if (entry.is_regular_file()) {
      all.push_back({entry.path(), static_cast<std::int64_t>(entry.file_size())});
      if (entry.path().extension() == ".safetensors") {
        weights.push_back(all.back());
      }
    }
  }
  std::vector<CheckpointFile>& chosen = weights.empty() ? all : weights;
  std::sort(
      chosen.begin(), chosen.end(), [](auto const& a, auto const& b) { return a.path < b.path; });
  return chosen;
}

/// A rank's share, at most as many as it may read: of all pieces every so-and-so-manyth, so that
/// the ranks read everywhere in the files.
std::vector<Piece> pieces_of(std::vector<CheckpointFile> const& files,
                             parallel::Communicator const& world,
                             std::int64_t most_pieces) {
  std::int64_t num_pieces = 0;
  for (CheckpointFile const& file : files) {
    num_pieces += (file.bytes + piece_bytes - 1) / piece_bytes;
  }
  std::int64_t const wanted = std::min(num_pieces, most_pieces * world.size());
  std::vector<Piece> pieces;
  std::int64_t number = 0;
  std::int64_t taken = 0;
  for (CheckpointFile const& file : files) {
    for (std::int64_t offset = 0; offset < file.bytes; offset += piece_bytes, ++number) {
      if (number * wanted / num_pieces < taken) {
        continue;
      }
      if (taken++ % world.size() == world.rank()) {
        pieces.push_back({&file.path, offset, std::min(piece_bytes, file.bytes - offset)});
      }
    }
  }
  return pieces;
}

/// Has the kernel forget what it has of a piece; advice, which it may leave.
void drop_from_cache(Piece const& piece) {
  io::files::OpenFile const file{::open(piece.file->c_str(), O_RDONLY | O_CLOEXEC)};
  if (file) {
    ::posix_fadvise(file.get(), piece.offset, piece.bytes, POSIX_FADV_DONTNEED);
  }
}

struct FreeMemory {
  void operator()(std::byte* memory) const noexcept { std::free(memory); }
};

/// Reads pieces of files, and knows whether the page cache had a part in it.
class PieceReader {
 public:
  PieceReader() : memory_{static_cast<std::byte*>(std::aligned_alloc(page_bytes, piece_bytes))} {}

  /// \return  bytes read
  std::int64_t read(Piece const& piece) {
    io::files::OpenFile file{::open(piece.file->c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT)};
    if (file) {
      auto const got = ::pread(file.get(), memory_.get(), piece_bytes, piece.offset);
      if (got > 0) {
        return got;
      }
    }
    is_direct_ = false;
    file.reset(::open(piece.file->c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) {
      io::files::fail(*piece.file, "can't be opened");
    }
    auto const got =
        ::pread(file.get(), memory_.get(), static_cast<std::size_t>(piece.bytes), piece.offset);
    if (got < 0) {
      io::files::fail(*piece.file, "can't be read");
    }
    return got;
  }

  [[nodiscard]] bool is_direct() const noexcept { return is_direct_; }

 private:
  std::unique_ptr<std::byte, FreeMemory> memory_;
  bool is_direct_ = true;
};

/// How a rank's share was read.
struct Share {
  FileReading reading;
  bool is_direct = true;
};

Share read_share(std::vector<Piece> const& pieces, ReadBounds const& bounds) {
  Share share;
  PieceReader reader;
  auto const start = std::chrono::steady_clock::now();
  auto const seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  for (Piece const& piece : pieces) {
    if (seconds() >= bounds.seconds) {
      break;
    }
    share.reading.bytes += reader.read(piece);
  }
  share.reading.seconds = seconds();
  share.is_direct = reader.is_direct();
  return share;
}

/// Runs `work`; what it throws becomes the problem.
template <class Work>
void guarded(std::string& problem, Work const& work) {
  try {
    work();
  } catch (std::exception const& error) {
    problem = error.what();
  }
}

/// The first of the ranks' problems, on rank 0.
std::string first_problem(parallel::Communicator const& world, std::string const& mine) {
  for (auto const& text : parallel::gather_bytes(world, std::as_bytes(std::span{mine}), 0)) {
    if (!text.empty()) {
      return std::string{as_text(text)};
    }
  }
  return {};
}

}  // namespace

FileReading examine_reading(parallel::Communicator const& world,
                            std::string const& directory,
                            ReadBounds const& bounds) {
  std::string problem;
  std::vector<CheckpointFile> files;
  std::vector<Piece> pieces;
  std::int64_t total = 0;
  guarded(problem, [&] {
    files = files_of(directory);
    pieces = pieces_of(files, world, std::max(bounds.bytes / piece_bytes, std::int64_t{1}));
    for (CheckpointFile const& file : files) {
      total += file.bytes;
    }
    std::for_each(pieces.begin(), pieces.end(), drop_from_cache);
  });
  parallel::barrier(world);
  Share share;
  guarded(problem, [&] { share = read_share(pieces, bounds); });

  FileReading& reading = share.reading;
  std::int64_t const nanoseconds = parallel::all_reduce(
      world, static_cast<std::int64_t>(reading.seconds * 1e9), parallel::ReduceOp::max);
  std::int64_t const bytes = parallel::all_reduce(world, reading.bytes, parallel::ReduceOp::sum);
  bool const is_direct = parallel::all_agree(world, share.is_direct || reading.bytes == 0);
  reading.job = {.path = directory,
                 .file_system = file_system_of(directory),
                 .how = is_direct ? "direct" : "dropped",
                 .total_bytes = total,
                 .read_bytes = bytes,
                 .bytes_per_second = nanoseconds > 0 ? static_cast<double>(bytes) /
                                                           static_cast<double>(nanoseconds) * 1e9
                                                     : 0.0,
                 .problem = first_problem(world, problem)};
  return reading;
}

}  // namespace talus::doctor
