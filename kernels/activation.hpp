// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/exec_context.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels {

/// The nonlinearity of a feed-forward.
enum class ActivationKind {
  silu,          ///< g / (1 + exp(-g))
  gelu_tanh,     ///< 0.5 g (1 + tanh(sqrt(2 / pi) (g + 0.044715 g^3)))
  clamped_silu,  ///< gpt-oss: see ActivationRule
  xielu,         ///< Apertus: see ActivationRule
};

/// A feed-forward's activation, with its parameters.
///
/// silu and gelu_tanh are gated: y = act(g) * u, where a row of x holds the gates g and then the
/// ups u. clamped_silu is gated too: with g at most `limit` and u within [-limit, limit], y =
/// (u + 1) * g / (1 + exp(-alpha g)). xielu has no gate: y = alpha g^2 + beta g for g > 0, else
/// negative_alpha (exp(min(g, epsilon)) - 1 - g) + beta g.
///
/// References: N. Shazeer, "GLU Variants Improve Transformer", 2020; D. Hendrycks and K. Gimpel,
/// "Gaussian Error Linear Units", 2016; OpenAI, "gpt-oss model card", 2025, section 2; A. Huang and
/// I. Schlag, "Deriving Activation Functions Using Integration", 2024, equation 12.
struct ActivationRule {
  ActivationKind kind = ActivationKind::silu;
  float limit = 0.0F;           ///< clamped_silu
  float alpha = 0.0F;           ///< clamped_silu, xielu
  float negative_alpha = 0.0F;  ///< xielu
  float beta = 0.0F;            ///< xielu
  float epsilon = 0.0F;         ///< xielu, not positive

  /// Whether a row holds ups beside its gates.
  [[nodiscard]] bool is_gated() const noexcept { return kind != ActivationKind::xielu; }

  friend bool operator==(ActivationRule const&, ActivationRule const&) = default;
};

/// y = the activation of x, element by element.
///
/// \param x  [tokens, 2 * width], gates then ups; [tokens, width] where nothing is gated
/// \param y  [tokens, width]; must not overlap x
/// \throws ConfigError  if the shapes do not match
void activate(ExecContext const& exec,
              ActivationRule const& rule,
              MatrixView<float const> x,
              MatrixView<float> y);

}  // namespace talus::kernels
