// SPDX-License-Identifier: Apache-2.0
#include "kernels/detail/row_upload.hpp"

#include <vector>

#include "kernels/transfer.hpp"

namespace talus::kernels::detail {

void upload_as_rows(ExecContext const& exec,
                    WeightStore const& store,
                    MatrixOrigin origin,
                    RawRows const& rows) {
  std::int64_t const element = size_of(store.dtype);
  std::vector<std::byte> converted(static_cast<std::size_t>(rows.rows * rows.cols * element));
  operations_of(Backend::reference)
      .pack_rows({}, {converted.data(), rows.cols, store.dtype}, {}, rows);
  upload_rows(exec,
              converted.data(),
              {.first = store.data + (origin.row * store.in + origin.col) * element,
               .row_bytes = rows.cols * element,
               .num_rows = rows.rows,
               .row_stride = store.in * element});
}

}  // namespace talus::kernels::detail
