// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/sampling.hpp"
#include "runtime/model/activations.hpp"
#include "runtime/model/drawn_tokens.hpp"
#include "runtime/model/layer_context.hpp"
#include "runtime/model/step_array.hpp"
#include "runtime/model/token_results.hpp"
#include "runtime/model/weights.hpp"
#include "runtime/traffic/group_traffic.hpp"

namespace talus::runtime {

/// What is asked of one row of a step's hidden states.
struct LogitRow {
  std::int32_t row = 0;        ///< of the step's tokens
  std::int32_t target = -1;    ///< the next token, where it is known or forced; -1: draw one
  std::int32_t num_top = -1;   ///< most probable tokens to tell; -1: no log-probability at all
  kernels::SampleRule rule{};  ///< how to draw
  kernels::LogitEdit edit{};   ///< what to do to the logits before; log-probabilities don't see it
};

/// The last stage's end: final norm, logits, drawing of tokens and log-probabilities.
///
/// The vocabulary is cut over the tensor-parallel ranks; each rank then gets whole rows of logits
/// for its share of the rows, draws there, and the results are gathered on all of them. Rows are
/// done in pieces, so that memory doesn't grow with a prompt whose log-probabilities are asked.
class OutputHead {
 public:
  /// What is passed by reference outlives this. Local.
  ///
  /// \param most_rows  of a step
  OutputHead(LayerContext const& context,
             ModelSpec const& spec,
             GroupTraffic& tp,
             ModelWeights const& weights,
             std::int64_t most_rows = max_rows);

  /// Tells the device by which rules the rows of the next step are drawn. Before its start().
  /// Local.
  void prepare(std::span<LogitRow const> rows);

  /// Whether a device can record start() for such rows, to do it again for as many others that it
  /// can be recorded for: they are the step's first tokens, of which nothing is asked but what is
  /// drawn, from the logits as they are. The same on all ranks of the group.
  [[nodiscard]] bool is_recordable(std::span<LogitRow const> rows) const noexcept;

  /// The part of a step that a device has to do: it may still be at it when this returns.
  /// Collective over the tensor-parallel group.
  ///
  /// \param hidden   [tokens, hidden] the last layer's output
  /// \param rows     as they were given to prepare()
  /// \param results  resized for the rows by the caller; not touched if is_recordable(rows)
  void start(MatrixView<float const> hidden, std::span<LogitRow const> rows, TokenResults& results);

  /// Has what start() draws brought to the host. After it, or what was recorded of it. Local.
  void fetch(std::span<LogitRow const> rows, DrawnTokens& drawn) const;

  /// The other part: waits for the tokens, and fills `results` on every rank of the group. With
  /// the arguments of fetch(), after which that of one further step may have been called.
  /// Collective likewise.
  void finish(std::span<LogitRow const> rows, DrawnTokens& drawn, TokenResults& results);

  /// What the last start() draws, in the context's memory on every rank of the group; of rows
  /// whose targets are known, anything. Good until the next start(); to be called before the next
  /// prepare(). Collective likewise.
  ///
  /// \return [rows, and more of no meaning] always the same memory
  [[nodiscard]] std::span<std::int32_t const> gather_drawn();

  /// The logits of rows of hidden states, on every rank of the group; for tests and `talus verify`.
  /// At most max_rows rows. Collective over the group.
  ///
  /// \param to  [rows, vocab], the host's
  void logits(MatrixView<float const> hidden,
              std::span<std::int32_t const> rows,
              std::span<float> to);

  static constexpr std::int64_t max_rows = 64;  ///< of a piece

 private:
  /// Rows of logits before and after what is done to them for drawing.
  struct Lines {
    kernels::SummarizedLogits told;   ///< whose log-probabilities are told, where they are asked
    kernels::SummarizedLogits drawn;  ///< that tokens are drawn from
  };

  /// Memory for a summary of max_rows rows.
  struct Summary {
    Activations maxima;
    Activations sums;

    [[nodiscard]] kernels::LogitSummary rows(std::int64_t count) {
      return {maxima.rows(count), sums.rows(count)};
    }
  };

  /// Rows that are done at a time, and those of them whose logits this rank gets.
  struct Piece {
    std::int64_t first = 0;  ///< row of the step
    std::int64_t count = 0;
    Range mine;  ///< rows of the piece

    /// Its rows of those of the step.
    [[nodiscard]] std::span<LogitRow const> all(std::span<LogitRow const> rows) const {
      return rows.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
    }

    /// This rank's rows of those of the step.
    [[nodiscard]] std::span<LogitRow const> own(std::span<LogitRow const> rows) const {
      return rows.subspan(static_cast<std::size_t>(first + mine.first),
                          static_cast<std::size_t>(mine.size()));
    }
  };

  template <class Visit>
  void for_each_piece(std::int64_t rows, Visit const& visit) const;
  void run_piece(MatrixView<float const> hidden,
                 std::span<LogitRow const> rows,
                 Piece const& piece,
                 TokenResults& results);
  void gather_tokens();
  [[nodiscard]] bool are_gathered(std::span<LogitRow const> rows, Piece const& piece) const;
  [[nodiscard]] MatrixView<float> own_logits(MatrixView<float const> hidden,
                                             std::span<std::int32_t const> rows);
  [[nodiscard]] MatrixView<float> exchange(MatrixView<float> part, Range mine);
  [[nodiscard]] MatrixView<float> join_columns(MatrixView<float const> received);
  [[nodiscard]] Lines edit(kernels::SummarizedLogits const& summarized,
                           MatrixView<float> logits,
                           std::span<LogitRow const> rows,
                           std::span<float const> temperatures);
  void draw(MatrixView<float> logits,
            std::span<LogitRow const> rows,
            std::int64_t first,
            TokenResults& results);
  void tell_drawn(std::span<LogitRow const> rows,
                  std::span<std::int32_t const> drawn,
                  Range numbers,
                  TokenResults& results) const;
  void sum_asked(kernels::SummarizedLogits const& lines, std::span<LogitRow const> rows);
  void name_tokens(kernels::SummarizedLogits const& lines, std::span<LogitRow const> rows);
  void tell(std::span<LogitRow const> rows, std::int64_t first, TokenResults& results);
  void gather(Piece const& piece, TokenResults& results);

  LayerContext context_;
  GroupTraffic* tp_;
  ModelWeights const* weights_;
  std::int64_t vocab_;
  float logit_scale_;
  float logit_cap_;
  bool gathers_tokens_;   ///< start() gathers on every rank what is drawn, where nothing is asked
  Activations selected_;  ///< [max_rows, hidden]
  Activations part_;      ///< [max_rows, this rank's vocab]
  Activations received_;  ///< [max_rows, vocab], rank by rank; then rows as they were before edits
  Activations logits_;    ///< [max_rows, vocab]
  Summary summary_;
  Summary edited_;                        ///< of rows as they are after edits
  StepArray<float> temperatures_;         ///< [rows of the step] for sums of blocks of logits
  StepArray<kernels::SampleRule> rules_;  ///< [rows of the step]
  std::vector<std::int32_t> row_numbers_;
  std::vector<kernels::LogitEdit> edits_;
  std::int64_t num_rows_ = 0;                ///< of the step
  kernels::Buffer<std::int32_t> drawn_;      ///< [most_rows] where the logits are; this rank's
  kernels::Buffer<std::int32_t> all_drawn_;  ///< [most_rows] likewise, of all ranks
  std::vector<std::int32_t> tokens_;         ///< of a piece of which log-probabilities are asked
  std::vector<float> log_sums_;
  std::vector<std::int32_t> top_counts_;    ///< [rows] most probable tokens that are asked
  std::vector<std::int32_t> top_;           ///< those of one row behind the other's
  std::vector<std::int32_t> ranked_;        ///< [rows] tokens whose ranks are asked, or -1
  std::vector<std::int32_t> ranks_;         ///< [rows]
  std::vector<std::int32_t> named_counts_;  ///< [rows] tokens whose logits are asked
  std::vector<std::int32_t> named_;         ///< of each row asked, its token and the top ones
  std::vector<float> named_logits_;         ///< theirs
  std::vector<std::int32_t> gathered_;
  std::vector<int> send_counts_, send_offsets_, receive_counts_, receive_offsets_;
};

}  // namespace talus::runtime
