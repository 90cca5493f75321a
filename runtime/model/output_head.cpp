// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/output_head.hpp"

#include <algorithm>
#include <numeric>

#include "kernels/elementwise.hpp"
#include "kernels/matmul.hpp"
#include "kernels/rms_norm.hpp"
#include "kernels/transfer.hpp"
#include "parallel/collectives.hpp"
#include "runtime/base/assert.hpp"

namespace talus::runtime {
namespace {

std::size_t at(std::int64_t index) {
  return static_cast<std::size_t>(index);
}

/// Whether the log-probability of its token is asked.
bool is_asked(LogitRow const& row) {
  return row.num_top >= 0;
}

bool asks_any(std::span<LogitRow const> rows) {
  return std::any_of(rows.begin(), rows.end(), is_asked);
}

/// A row's token, where this one was drawn.
std::int32_t token_of(LogitRow const& row, std::int32_t drawn) {
  return row.target >= 0 ? row.target : drawn;
}

}  // namespace

OutputHead::OutputHead(LayerContext const& context,
                       ModelSpec const& spec,
                       GroupTraffic& tp,
                       ModelWeights const& weights,
                       std::int64_t most_rows)
    : context_{context},
      tp_{&tp},
      weights_{&weights},
      vocab_{spec.vocab},
      logit_scale_{spec.logit_scale},
      logit_cap_{spec.logit_cap},
      gathers_tokens_{context.exec.device != nullptr && tp.size() > 1 && tp.is_recordable()},
      selected_{context.exec, max_rows, spec.hidden},
      part_{context.exec, max_rows, part_of(spec.vocab, tp.rank(), tp.size()).size()},
      received_{context.exec, max_rows, spec.vocab},
      logits_{context.exec, max_rows, spec.vocab},
      temperatures_{context.exec, most_rows},
      rules_{context.exec, most_rows},
      drawn_{context.exec, most_rows} {
  std::int64_t const blocks = kernels::num_logit_blocks(spec.vocab);
  for (Summary* const summary : {&summary_, &edited_}) {
    summary->maxima = Activations{context.exec, max_rows, blocks};
    summary->sums = Activations{context.exec, max_rows, blocks};
  }
  for (auto* list : {&send_counts_, &send_offsets_, &receive_counts_, &receive_offsets_}) {
    list->resize(at(tp.size()));
  }
  tp.reserve(at(max_rows * spec.vocab));
  if (tp.size() > 1) {
    all_drawn_ = kernels::Buffer<std::int32_t>{context.exec, most_rows};
  }
}

void OutputHead::prepare(std::span<LogitRow const> rows) {
  num_rows_ = std::ssize(rows);
  TALUS_EXPECT(num_rows_ <= drawn_.size());
  temperatures_.clear();
  rules_.clear();
  for (LogitRow const& row : rows) {
    temperatures_.push_back(kernels::summary_temperature(row.rule, vocab_));
    rules_.push_back(row.rule);
  }
  temperatures_.publish(context_.exec);
  rules_.publish(context_.exec);
}

bool OutputHead::is_recordable(std::span<LogitRow const> rows) const noexcept {
  std::int32_t number = 0;
  return tp_->is_recordable() && std::all_of(rows.begin(), rows.end(), [&](LogitRow const& row) {
           return row.row == number++ && !is_asked(row) && row.edit.is_empty();
         });
}

void OutputHead::start(MatrixView<float const> hidden,
                       std::span<LogitRow const> rows,
                       TokenResults& results) {
  TALUS_EXPECT(std::ssize(rows) == num_rows_);
  for_each_piece(num_rows_, [&](Piece const& piece) { run_piece(hidden, rows, piece, results); });
  if (gathers_tokens_) {
    auto const timed = context_.clock->scope(io::Phase::gather);
    gather_tokens();
  }
}

void OutputHead::fetch(std::span<LogitRow const> rows, DrawnTokens& drawn) const {
  bool is_wanted = false;
  for_each_piece(std::ssize(rows),
                 [&](Piece const& piece) { is_wanted = is_wanted || !asks_any(piece.own(rows)); });
  if (is_wanted) {
    drawn.start((gathers_tokens_ ? all_drawn_ : drawn_).span().first(rows.size()));
  }
}

void OutputHead::finish(std::span<LogitRow const> rows, DrawnTokens& drawn, TokenResults& results) {
  auto const timed = context_.clock->scope(io::Phase::sampling);
  std::span<std::int32_t const> tokens;
  for_each_piece(std::ssize(rows), [&](Piece const& piece) {
    if (!asks_any(piece.own(rows))) {
      tokens = tokens.empty() ? drawn.wait() : tokens;
    }
    if (are_gathered(rows, piece)) {
      return tell_drawn(rows, tokens, {piece.first, piece.first + piece.count}, results);
    }
    if (!asks_any(piece.own(rows))) {
      Range const mine{piece.first + piece.mine.first, piece.first + piece.mine.last};
      tell_drawn(rows, tokens, mine, results);
    }
    gather(piece, results);
  });
}

/// Whether every rank has a piece's tokens where start() is done.
bool OutputHead::are_gathered(std::span<LogitRow const> rows, Piece const& piece) const {
  return gathers_tokens_ && !asks_any(piece.all(rows));
}

std::span<std::int32_t const> OutputHead::gather_drawn() {
  if (tp_->size() == 1) {
    return drawn_.span();
  }
  if (!gathers_tokens_) {
    gather_tokens();
  }
  return all_drawn_.span();
}

/// Gathers what the step draws on every rank.
void OutputHead::gather_tokens() {
  int const ranks = tp_->size();
  for_each_piece(num_rows_, [&](Piece const& piece) {
    for (int rank = 0; rank < ranks; ++rank) {
      receive_counts_[at(rank)] = static_cast<int>(part_of(piece.count, rank, ranks).size());
    }
    parallel::pack_blocks(receive_counts_, receive_offsets_);
    // Words are moved as they are, whatever they mean.
    auto const* const own = reinterpret_cast<float const*>(drawn_.data() + piece.first);
    auto* const whole = reinterpret_cast<float*>(all_drawn_.data() + piece.first);
    tp_->all_gather_v({own + piece.mine.first, at(piece.mine.size())},
                      {whole, at(piece.count)},
                      {receive_counts_, receive_offsets_});
  });
}

template <class Visit>
void OutputHead::for_each_piece(std::int64_t rows, Visit const& visit) const {
  for (std::int64_t first = 0; first < rows; first += max_rows) {
    std::int64_t const count = std::min(max_rows, rows - first);
    visit(Piece{first, count, part_of(count, tp_->rank(), tp_->size())});
  }
}

void OutputHead::run_piece(MatrixView<float const> hidden,
                           std::span<LogitRow const> rows,
                           Piece const& piece,
                           TokenResults& results) {
  row_numbers_.clear();
  for (LogitRow const& row : rows.subspan(at(piece.first), at(piece.count))) {
    row_numbers_.push_back(row.row);
  }
  MatrixView<float> part;
  {
    auto const timed = context_.clock->scope(io::Phase::lm_head);
    part = exchange(own_logits(hidden, row_numbers_), piece.mine);
  }
  auto const timed = context_.clock->scope(io::Phase::sampling);
  draw(part, piece.own(rows), piece.first + piece.mine.first, results);
}

MatrixView<float> OutputHead::own_logits(MatrixView<float const> hidden,
                                         std::span<std::int32_t const> rows) {
  kernels::ExecContext const& exec = context_.exec;
  auto const num_rows = static_cast<std::int64_t>(rows.size());
  MatrixView<float> const selected = selected_.rows(num_rows);
  MatrixView<float> const part = part_.rows(num_rows);
  kernels::select_rows(exec, hidden, rows, selected);
  kernels::rms_norm(
      exec, as_const(selected), weights_->final_norm, context_.norm_epsilon, selected);
  kernels::matmul(exec, as_const(selected), weights_->lm_head, part);
  if (logit_scale_ != 1.0F || logit_cap_ > 0.0F) {
    kernels::scale_and_cap(exec, logit_scale_, logit_cap_, part);
  }
  return part;
}

/// From all rows of some columns to some rows of all columns.
MatrixView<float> OutputHead::exchange(MatrixView<float> part, Range mine) {
  int const ranks = tp_->size();
  if (ranks == 1) {
    return part;
  }
  auto const timed = context_.clock->scope(io::Phase::gather);
  for (int rank = 0; rank < ranks; ++rank) {
    send_counts_[at(rank)] = static_cast<int>(part_of(part.rows, rank, ranks).size() * part.cols);
    receive_counts_[at(rank)] = static_cast<int>(mine.size() * part_of(vocab_, rank, ranks).size());
  }
  int const sent = parallel::pack_blocks(send_counts_, send_offsets_);
  int const total = parallel::pack_blocks(receive_counts_, receive_offsets_);
  MatrixView<float> const received = received_.rows(mine.size());
  tp_->all_to_all_v({part.data, at(sent)},
                    {send_counts_, send_offsets_},
                    {received.data, at(total)},
                    {receive_counts_, receive_offsets_});
  context_.clock->count(io::Traffic::gather, (sent - send_counts_[at(tp_->rank())]) * 4);
  return join_columns(as_const(received));
}

/// Blocks of columns, one of each rank behind the other, side by side.
MatrixView<float> OutputHead::join_columns(MatrixView<float const> received) {
  MatrixView<float> const whole = logits_.rows(received.rows);
  for (int rank = 0; rank < tp_->size(); ++rank) {
    Range const cols = part_of(vocab_, rank, tp_->size());
    float const* const block = received.data + receive_offsets_[at(rank)];
    kernels::copy_matrix(context_.exec,
                         {block, whole.rows, cols.size(), cols.size()},
                         columns_of(whole, cols.first, cols.size()));
  }
  return whole;
}

/// Edits the logits for drawing; keeps the rows whose log-probabilities are asked.
OutputHead::Lines OutputHead::edit(kernels::SummarizedLogits const& summarized,
                                   MatrixView<float> logits,
                                   std::span<LogitRow const> rows,
                                   std::span<float const> temperatures) {
  edits_.clear();
  bool any_edit = false;
  bool any_copy = false;
  for (LogitRow const& row : rows) {
    edits_.push_back(row.edit);
    any_edit = any_edit || !row.edit.is_empty();
    any_copy = any_copy || (!row.edit.is_empty() && row.num_top >= 0);
  }
  Lines lines{summarized, summarized};
  if (!any_edit) {
    return lines;
  }
  MatrixView<float> const before = received_.rows(any_copy ? logits.rows : 0);
  for (std::int64_t i = 0; i < before.rows; ++i) {
    if (rows[at(i)].num_top >= 0) {
      kernels::copy_matrix(context_.exec, rows_of(as_const(logits), i, 1), rows_of(before, i, 1));
    }
  }
  kernels::edit_logits(context_.exec, logits, edits_);
  kernels::LogitSummary const edited = edited_.rows(logits.rows);
  for (std::int64_t i = 0; i < logits.rows; ++i) {
    kernels::LogitSummary const row{rows_of(edited.maxima, i, 1), rows_of(edited.sums, i, 1)};
    if (rows[at(i)].edit.is_empty()) {
      kernels::copy_matrix(context_.exec, rows_of(summarized.maxima, i, 1), row.maxima);
      kernels::copy_matrix(context_.exec, rows_of(summarized.sums, i, 1), row.sums);
    } else {
      kernels::summarize_logits(
          context_.exec, rows_of(as_const(logits), i, 1), temperatures.subspan(at(i), 1), row);
    }
  }
  lines.told.logits = as_const(any_copy ? before : logits);
  lines.drawn = {as_const(logits), as_const(edited.maxima), as_const(edited.sums)};
  return lines;
}

/// Draws tokens, and tells rows of which log-probabilities are asked.
void OutputHead::draw(MatrixView<float> logits,
                      std::span<LogitRow const> rows,
                      std::int64_t first,
                      TokenResults& results) {
  kernels::ExecContext const& exec = context_.exec;
  auto const temperatures = temperatures_.values().subspan(at(first), rows.size());
  kernels::LogitSummary const summary = summary_.rows(logits.rows);
  kernels::summarize_logits(exec, as_const(logits), temperatures, summary);
  kernels::SummarizedLogits const summarized{
      as_const(logits), as_const(summary.maxima), as_const(summary.sums)};
  sum_asked(summarized, rows);
  Lines const lines = edit(summarized, logits, rows, temperatures);
  std::span<std::int32_t> const drawn = drawn_.span().subspan(at(first), rows.size());
  kernels::sample(exec, lines.drawn, rules_.values().subspan(at(first), rows.size()), drawn);
  if (!asks_any(rows)) {
    return;
  }
  tokens_.resize(rows.size());
  kernels::download<std::int32_t>(exec, drawn.data(), tokens_);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    tokens_[i] = token_of(rows[i], tokens_[i]);
  }
  name_tokens(lines.told, rows);
  tell(rows, first, results);
}

/// Tells the tokens of rows of the step of which no log-probability is asked.
void OutputHead::tell_drawn(std::span<LogitRow const> rows,
                            std::span<std::int32_t const> drawn,
                            Range numbers,
                            TokenResults& results) const {
  for (std::int64_t number = numbers.first; number < numbers.last; ++number) {
    results.set(number, {token_of(rows[at(number)], drawn[at(number)]), 0.0F}, 0);
  }
}

/// The logarithms of the sums of the rows whose log-probabilities are asked: of neighbours at once.
void OutputHead::sum_asked(kernels::SummarizedLogits const& lines, std::span<LogitRow const> rows) {
  log_sums_.assign(rows.size(), 0.0F);
  auto first = std::find_if(rows.begin(), rows.end(), is_asked);
  while (first != rows.end()) {
    auto const last = std::find_if_not(first, rows.end(), is_asked);
    auto const number = first - rows.begin();
    kernels::log_sum_exp(context_.exec,
                         rows_of(lines, number, last - first),
                         {&log_sums_[at(number)], at(last - first)});
    first = std::find_if(last, rows.end(), is_asked);
  }
}

/// Of each row whose log-probabilities are asked, its token and the most probable ones, their
/// logits, and the token's rank.
void OutputHead::name_tokens(kernels::SummarizedLogits const& lines,
                             std::span<LogitRow const> rows) {
  top_counts_.clear();
  named_counts_.clear();
  ranked_.clear();
  named_.clear();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto const most = static_cast<std::int32_t>(vocab_);
    bool const asked = is_asked(rows[i]);
    top_counts_.push_back(std::clamp(rows[i].num_top, 0, most));
    named_counts_.push_back(asked ? top_counts_.back() + 1 : 0);
    ranked_.push_back(asked ? tokens_[i] : -1);
  }
  top_.resize(at(std::reduce(top_counts_.begin(), top_counts_.end(), std::int64_t{0})));
  auto next = top_.begin();
  ranks_.resize(rows.size());
  if (std::any_of(ranked_.begin(), ranked_.end(), [](std::int32_t token) { return token >= 0; })) {
    kernels::top_tokens(context_.exec, lines, top_counts_, top_);
    kernels::rank_of(context_.exec, lines, ranked_, ranks_);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      named_.insert(named_.end(), ranked_[i] >= 0 ? 1U : 0U, ranked_[i]);
      named_.insert(named_.end(), next, next + top_counts_[i]);
      next += top_counts_[i];
    }
    named_logits_.resize(named_.size());
    kernels::logits_of(context_.exec, lines.logits, named_counts_, named_, named_logits_);
  }
}

/// Tells each row's token, and the log-probabilities that are asked.
void OutputHead::tell(std::span<LogitRow const> rows, std::int64_t first, TokenResults& results) {
  std::size_t next = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::int64_t const number = first + static_cast<std::int64_t>(i);
    auto const ranked = [&] {
      RankedToken const token{named_[next], named_logits_[next] - log_sums_[i]};
      ++next;
      return token;
    };
    if (rows[i].num_top < 0) {
      results.set(number, {tokens_[i], 0.0F}, 0);
      continue;
    }
    results.set(number, ranked(), ranks_[i]);
    for (std::int32_t k = 0; k < top_counts_[i]; ++k) {
      results.set_top(number, k, ranked());
    }
  }
}

void OutputHead::gather(Piece const& piece, TokenResults& results) {
  int const ranks = tp_->size();
  if (ranks == 1) {
    return;
  }
  std::int64_t const words = results.words_per_row();
  for (int rank = 0; rank < ranks; ++rank) {
    receive_counts_[at(rank)] = static_cast<int>(part_of(piece.count, rank, ranks).size() * words);
  }
  int const total = parallel::pack_blocks(receive_counts_, receive_offsets_);
  gathered_.resize(at(total));
  std::span<std::int32_t> const all = results.words().subspan(at(piece.first * words), at(total));
  auto const rank = at(tp_->rank());
  parallel::all_gather_v<std::int32_t>(
      tp_->communicator(),
      all.subspan(at(receive_offsets_[rank]), at(receive_counts_[rank])),
      gathered_,
      {receive_counts_, receive_offsets_});
  std::copy(gathered_.begin(), gathered_.end(), all.begin());
}

void OutputHead::logits(MatrixView<float const> hidden,
                        std::span<std::int32_t const> rows,
                        std::span<float> to) {
  MatrixView<float> const part = own_logits(hidden, rows);
  int const ranks = tp_->size();
  if (ranks == 1) {
    return kernels::download<float>(context_.exec, part.data, to);
  }
  for (int rank = 0; rank < ranks; ++rank) {
    receive_counts_[at(rank)] = static_cast<int>(part.rows * part_of(vocab_, rank, ranks).size());
  }
  int const total = parallel::pack_blocks(receive_counts_, receive_offsets_);
  MatrixView<float> const received = received_.rows(part.rows);
  tp_->all_gather_v({part.data, at(part.rows * part.cols)},
                    {received.data, at(total)},
                    {receive_counts_, receive_offsets_});
  kernels::download<float>(context_.exec, join_columns(as_const(received)).data, to);
}

}  // namespace talus::runtime
