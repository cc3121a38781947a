//! AdamW (arXiv 1711.05101) as PyTorch computes it.
//!
//! With g the clipped gradient, t the step counted from 1:
//!
//! ```text
//! p ← p·(1 − η·λ)            λ is 0 for biases and layer norms
//! m ← β₁·m + (1 − β₁)·g      v ← β₂·v + (1 − β₂)·g²
//! p ← p − η/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)
//! ```

use candle_core::Tensor;

use super::elementwise::{Elementwise, Rule};
use super::{Optimizer, StepSize, TakeTensor, is_decayed};
use crate::Result;
use crate::model::checkpoint::NamedTensor;
use crate::model::parameters::Parameters;
use crate::nn::Gradients;
use crate::train::TrainSettings;

/// What m and v are called in checkpoints.
const MOMENTS: [&str; 2] = ["first", "second"];

/// AdamW's parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWSettings {
    /// β₁, 0 to 1.
    pub beta1: f64,
    /// β₂, 0 to 1.
    pub beta2: f64,
    /// ε, positive.
    pub epsilon: f64,
    /// λ, not negative.
    pub weight_decay: f64,
}

impl From<&TrainSettings> for AdamWSettings {
    fn from(settings: &TrainSettings) -> Self {
        let &TrainSettings { beta1, beta2, epsilon, weight_decay, .. } = settings;
        Self { beta1, beta2, epsilon, weight_decay }
    }
}

/// AdamW: running means of each gradient and of its square.
pub struct AdamW {
    settings: AdamWSettings,
    moments: Elementwise<2>,
    steps: u64,
}

impl AdamW {
    /// Zero moments for each parameter.
    ///
    /// # Errors
    /// [`crate::Error::Tensor`] if the device has no memory for them.
    pub fn new(parameters: &Parameters, settings: AdamWSettings) -> Result<Self> {
        Ok(Self { settings, moments: Elementwise::new(parameters)?, steps: 0 })
    }

    /// The numbers of the current step.
    fn update(&self, size: StepSize) -> Update {
        let AdamWSettings { beta1, beta2, epsilon, weight_decay: _ } = self.settings;
        let t = self.steps as f64;
        let exact = Numbers {
            scale: size.gradient_scale,
            decay: self.untouched_factor(size.learning_rate),
            beta1,
            rest1: 1.0 - beta1,
            beta2,
            rest2: 1.0 - beta2,
            rate: size.learning_rate / (1.0 - beta1.powf(t)),
            correction: (1.0 - beta2.powf(t)).sqrt(),
            epsilon,
        };
        Update::new(exact)
    }
}

impl Optimizer for AdamW {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn steps(&self) -> u64 {
        self.steps
    }

    fn step(&mut self, parameters: &Parameters, gradients: &Gradients, size: StepSize) -> Result<bool> {
        self.steps += 1;
        let decayed = self.update(size);
        let kept = Update::new(Numbers { decay: 1.0, ..decayed.exact });
        self.moments.step(parameters, gradients, |name| if is_decayed(name) { decayed } else { kept })
    }

    fn untouched_factor(&self, learning_rate: f64) -> f64 {
        1.0 - learning_rate * self.settings.weight_decay
    }

    fn state(&self, parameters: &Parameters) -> Result<Vec<NamedTensor>> {
        self.moments.tensors(parameters, MOMENTS)
    }

    fn restore(&mut self, parameters: &Parameters, steps: u64, take: TakeTensor<'_>) -> Result<()> {
        self.moments.restore(parameters, MOMENTS, take)?;
        self.steps = steps;
        Ok(())
    }
}

/// The numbers of one step of a parameter.
#[derive(Debug, Clone, Copy)]
struct Numbers<F> {
    scale: F,
    decay: F,
    beta1: F,
    rest1: F,
    beta2: F,
    rest2: F,
    rate: F,
    correction: F,
    epsilon: F,
}

/// One step of a parameter.
#[derive(Debug, Clone, Copy)]
struct Update {
    /// For candle's operations.
    exact: Numbers<f64>,
    /// For the loops over the elements.
    single: Numbers<f32>,
}

impl Update {
    fn new(exact: Numbers<f64>) -> Self {
        let Numbers { scale, decay, beta1, rest1, beta2, rest2, rate, correction, epsilon } = exact;
        let single = Numbers {
            scale: scale as f32,
            decay: decay as f32,
            beta1: beta1 as f32,
            rest1: rest1 as f32,
            beta2: beta2 as f32,
            rest2: rest2 as f32,
            rate: rate as f32,
            correction: correction as f32,
            epsilon: epsilon as f32,
        };
        Self { exact, single }
    }
}

impl Rule<2> for Update {
    #[inline(always)]
    fn update(&self, p: &mut [f32], [m, v]: [&mut [f32]; 2], g: impl Iterator<Item = f32>) {
        let of = self.single;
        for (((p, m), v), g) in p.iter_mut().zip(m).zip(v).zip(g) {
            let g = g * of.scale;
            *m = *m * of.beta1 + g * of.rest1;
            *v = *v * of.beta2 + g * g * of.rest2;
            *p = *p * of.decay - of.rate * *m / (v.sqrt() / of.correction + of.epsilon);
        }
    }

    fn compose(&self, p: &Tensor, [m, v]: [&Tensor; 2], g: &Tensor) -> Result<(Tensor, [Tensor; 2])> {
        let of = self.exact;
        let g = (g * of.scale)?;
        let m = ((m * of.beta1)? + (&g * of.rest1)?)?;
        let v = ((v * of.beta2)? + (g.sqr()? * of.rest2)?)?;
        let denominator = ((v.sqrt()? * (1.0 / of.correction))? + of.epsilon)?;
        let stepped = ((p * of.decay)? - ((&m / denominator)? * of.rate)?)?;
        Ok((stepped, [m, v]))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;
    use crate::nn::{Gradient, Pool};
    use crate::train::optimizer::clip_factor;

    /// The first step of a parameter of three numbers; whether it is finite, and what the parameter is afterwards.
    fn first_step(gradient: &Gradient, learning_rate: f64, max_gradient_norm: f64) -> (bool, Vec<f32>) {
        let weights = Tensor::new(&[[1f32, -2.0, 0.5]], &Device::Cpu).unwrap();
        let var = Var::from_tensor(&weights).unwrap();
        let mut parameters = Parameters::default();
        parameters.push("weight".into(), var.clone());
        let settings = AdamWSettings { weight_decay: 0.0, ..(&TrainSettings::default()).into() };
        let mut optimizer = AdamW::new(&parameters, settings).unwrap();
        optimizer.steps = 1;
        let update = optimizer.update(StepSize { learning_rate, gradient_scale: clip_factor(1.0, max_gradient_norm) });
        let finite = optimizer.moments.step_of(0, &var, gradient, update).unwrap();
        (finite, var.as_tensor().flatten_all().unwrap().to_vec1().unwrap())
    }

    /// The same gradient in each form.
    fn forms(values: [f32; 3]) -> [Gradient; 3] {
        let buffer = || {
            let mut buffer = Pool::default().zeros(3);
            buffer.copy_from_slice(&values);
            buffer
        };
        let tensor = Tensor::new(&[values], &Device::Cpu).unwrap();
        [Gradient::Dense(buffer()), Gradient::Rows(vec![0], buffer()), Gradient::Tensor(tensor)]
    }

    #[test]
    fn an_update_that_is_not_finite_is_reported() {
        for gradient in forms([0.1, 0.2, -0.3]) {
            assert!(first_step(&gradient, 1e30, 1.0).0, "huge, and still a number");
            let (is_finite, weights) = first_step(&gradient, 1e39, 1.0);
            assert!(!is_finite && weights.iter().any(|w| !w.is_finite()), "{weights:?}");
        }
    }

    #[test]
    fn squared_gradients_that_overflow_are_reported() {
        // Without clipping. The parameter itself stays finite: it would never move again.
        for gradient in forms([1e25, 0.2, -0.3]) {
            let (is_finite, weights) = first_step(&gradient, 1e-3, 0.0);
            assert!(!is_finite && weights.iter().all(|w| w.is_finite()), "{weights:?}");
        }
    }

    #[test]
    fn one_step_by_hand() {
        // m = 0.1·g and v = 0.001·g², both corrected to g and g²: each number moves by the learning rate against its sign.
        for gradient in forms([0.1, 0.2, -0.3]) {
            let (_, weights) = first_step(&gradient, 0.01, 0.0);
            for (weight, expected) in weights.iter().zip([0.99, -2.01, 0.51]) {
                assert!((weight - expected).abs() < 1e-6, "{weights:?}");
            }
        }
    }

    #[test]
    fn a_saved_state_is_put_back() {
        let var = Var::from_tensor(&Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap()).unwrap();
        let mut parameters = Parameters::default();
        parameters.push("weight".into(), var.clone());
        let new = || AdamW::new(&parameters, (&TrainSettings::default()).into()).unwrap();
        let mut optimizer = new();
        optimizer.steps = 1;
        let update = optimizer.update(StepSize { learning_rate: 0.1, gradient_scale: 1.0 });
        let gradient = Gradient::Tensor(Tensor::new(&[0.5f32, -0.5], &Device::Cpu).unwrap());
        optimizer.moments.step_of(0, &var, &gradient, update).unwrap();
        let state = optimizer.state(&parameters).unwrap();
        assert_eq!(state.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(), ["first.weight", "second.weight"]);
        let mut other = new();
        let mut take = |name: &str, shape: &[usize]| {
            let (_, _, values) = state.iter().find(|(n, s, _)| n == name && s == shape).unwrap();
            Ok(values.clone())
        };
        other.restore(&parameters, 1, &mut take).unwrap();
        assert_eq!((other.steps(), other.state(&parameters).unwrap()), (1, state));
    }
}
