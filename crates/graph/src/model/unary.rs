//! Functions of one real variable, in double precision and alike on every machine (`libm`, not the system's).

use super::UnaryFn;

impl UnaryFn {
    /// The function's value at `x`.
    #[must_use]
    pub fn apply(self, x: f64) -> f64 {
        match self {
            Self::Relu => x.max(0.0),
            Self::LeakyRelu { slope } => {
                if x >= 0.0 {
                    x
                } else {
                    f64::from(slope) * x
                }
            }
            Self::Clip { min, max } => x.max(f64::from(min)).min(f64::from(max)),
            Self::Sigmoid => 1.0 / (1.0 + libm::exp(-x)),
            Self::Tanh => libm::tanh(x),
            Self::HardSigmoid { alpha, beta } => {
                (f64::from(alpha) * x + f64::from(beta)).clamp(0.0, 1.0)
            }
            Self::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
            Self::Elu { alpha } => {
                if x >= 0.0 {
                    x
                } else {
                    f64::from(alpha) * libm::expm1(x)
                }
            }
            // log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), which does not overflow
            Self::Softplus => x.max(0.0) + libm::log1p(libm::exp(-x.abs())),
            Self::Gelu => 0.5 * x * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
            Self::GeluTanh => {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
                0.5 * x * (1.0 + libm::tanh(inner))
            }
            Self::Silu => x / (1.0 + libm::exp(-x)),
            Self::Erf => libm::erf(x),
            Self::Exp => libm::exp(x),
            Self::Log => libm::log(x),
            Self::Sqrt => libm::sqrt(x),
            Self::Reciprocal => 1.0 / x,
            Self::Pow { exponent } => libm::pow(x, f64::from(exponent)),
            Self::Abs => x.abs(),
            Self::Sin => libm::sin(x),
            Self::Cos => libm::cos(x),
            Self::Tan => libm::tan(x),
            Self::Asin => libm::asin(x),
            Self::Acos => libm::acos(x),
            Self::Atan => libm::atan(x),
            Self::Sinh => libm::sinh(x),
            Self::Cosh => libm::cosh(x),
            Self::Asinh => libm::asinh(x),
            Self::Acosh => libm::acosh(x),
            Self::Atanh => libm::atanh(x),
            Self::Floor => x.floor(),
            Self::Ceil => x.ceil(),
            Self::Round => x.round_ties_even(),
            Self::Truncate => x.trunc(),
            Self::Sign => f64::from(i8::from(x > 0.0) - i8::from(x < 0.0)),
            Self::Positive => f64::from(u8::from(x > 0.0)),
            Self::NonNegative => f64::from(u8::from(x >= 0.0)),
            Self::Zero => f64::from(u8::from(x == 0.0)),
            Self::Mod { divisor, truncated } => {
                let divisor = f64::from(divisor);
                let quotient = x / divisor;
                x - divisor * if truncated { quotient.trunc() } else { quotient.floor() }
            }
            Self::ThresholdedRelu { alpha } => {
                if x > f64::from(alpha) {
                    x
                } else {
                    0.0
                }
            }
            Self::Shrink { bias, lambd } => {
                let (bias, lambd) = (f64::from(bias), f64::from(lambd));
                if x < -lambd {
                    x + bias
                } else if x > lambd {
                    x - bias
                } else {
                    0.0
                }
            }
        }
    }

    /// The function's value where `x` stands for all numbers within `reach` of it: at a jump among them, the value there. What
    /// lies outside the domain counts as its edge.
    #[must_use]
    pub fn apply_around(self, x: f64, reach: f64) -> f64 {
        let x = match self {
            Self::Asin | Self::Acos | Self::Atanh => x.clamp(-1.0, 1.0),
            Self::Acosh => x.max(1.0),
            _ => x,
        };
        let jump = match self {
            Self::Floor | Self::Ceil | Self::Truncate => x.round(),
            Self::Round => (2.0 * x).round() / 2.0,
            Self::Mod { divisor, .. } => (x / f64::from(divisor)).round() * f64::from(divisor),
            Self::ThresholdedRelu { alpha } => alpha.into(),
            Self::Shrink { lambd, .. } if x < 0.0 => -f64::from(lambd),
            Self::Shrink { lambd, .. } => lambd.into(),
            _ => x,
        };
        self.apply(if (x - jump).abs() <= reach { jump } else { x })
    }
}
