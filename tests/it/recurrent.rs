//! The LSTM against PyTorch's and the CRF against pytorch-crf's: values and all gradients, fused and composed. The fixtures
//! are made by tests/fixtures/{lstm,crf}/make.py.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor, Var};
use memoscope::nn::{self, Chain, Direction, Gradients, Linear, Packing, Parameter, Pool, Tape, Value};

use crate::workspace::repository;

struct Fixture {
    tensors: HashMap<String, Tensor>,
    /// Names of the parameters, in the order of their numbers.
    parameters: Vec<String>,
}

impl Fixture {
    fn load(name: &str, parameters: Vec<String>) -> Self {
        let path = repository(&format!("tests/fixtures/{name}/expected.safetensors"));
        Self { tensors: candle_core::safetensors::load(path, &Device::Cpu).unwrap(), parameters }
    }

    fn tensor(&self, name: &str) -> &Tensor {
        self.tensors.get(name).unwrap_or_else(|| panic!("the fixture has no {name}"))
    }

    fn values(&self, name: &str) -> Vec<f32> {
        self.tensor(name).flatten_all().unwrap().to_vec1().unwrap()
    }

    fn parameter(&self, name: &str) -> Parameter {
        let index = self.parameters.iter().position(|p| p == name).unwrap();
        Parameter::new(index, Var::from_tensor(self.tensor(name)).unwrap())
    }

    fn assert_gradients(&self, gradients: &Gradients) {
        for (i, name) in self.parameters.iter().enumerate() {
            let expected = self.values(&format!("grad.{name}"));
            let ours = gradients.get(i).unwrap_or_else(|| panic!("{name} has no gradient")).to_vec(expected.len());
            assert_close(name, &ours.unwrap(), &expected);
            assert!(expected.iter().any(|x| *x != 0.0), "{name}");
        }
    }
}

fn assert_close(what: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() < 2e-6 * b.abs().max(1.0), "{what}[{i}]: {a} against {b}");
    }
}

fn tapes() -> [Tape; 2] {
    let tape = || Tape::training(&Device::Cpu, &Pool::default());
    [tape(), tape().composed()]
}

#[test]
fn two_layers_in_both_directions_are_pytorchs() {
    let layers = ["l0", "l0_reverse", "l1", "l1_reverse"];
    let parts = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"];
    let names = layers.iter().flat_map(|layer| parts.map(|part| format!("{part}_{layer}")));
    let fixture = Fixture::load("lstm", names.chain(["x".to_owned()]).collect());
    let packing = Packing::new([4, 1, 9, 2, 9, 3, 1, 6, 5, 2, 7]);
    for tape in tapes() {
        let direction = |x: &Value, layer: &str, direction: Direction| {
            let part = |name: &str| fixture.parameter(&format!("{name}_{layer}"));
            // PyTorch adds two biases. The second one alone would do: it comes in as that of a layer without weights.
            let gates = nn::linear(&tape, x, &Linear { weight: part("weight_ih"), bias: part("bias_ih") }).unwrap();
            let gates = add_bias(&tape, &gates, &part("bias_hh"));
            nn::lstm(&tape, &gates, &part("weight_hh"), &packing, direction).unwrap()
        };
        let layer = |x: &Value, number: usize| {
            let forward = direction(x, &format!("l{number}"), Direction::Forward);
            let backward = direction(x, &format!("l{number}_reverse"), Direction::Backward);
            nn::concat(&tape, &[&forward, &backward]).unwrap()
        };
        let x = tape.parameter(&fixture.parameter("x")).unwrap();
        let output = layer(&layer(&x, 0), 1);
        assert_close("output", &output.to_vec().unwrap(), &fixture.values("output"));
        let loss = tape.weighted_sum(&output, &fixture.values("weights")).unwrap();
        let mut gradients = Gradients::default();
        tape.backward(loss, &mut gradients).unwrap();
        fixture.assert_gradients(&gradients);
    }
}

/// Adds a bias to each row: a linear layer whose weight is the identity.
fn add_bias(tape: &Tape, x: &Value, bias: &Parameter) -> Value {
    let identity = Tensor::eye(x.dims().1, DType::F32, &Device::Cpu).unwrap();
    let weight = Parameter::new(1000, Var::from_tensor(&identity).unwrap());
    nn::linear(tape, x, &Linear { weight, bias: bias.clone() }).unwrap()
}

#[test]
fn the_likelihood_its_gradients_the_marginals_and_the_best_path_are_pytorch_crfs() {
    let names = ["emissions", "transitions", "start", "end"].map(String::from).to_vec();
    let fixture = Fixture::load("crf", names);
    let packing = Packing::new([5, 1, 8, 2, 1, 12, 3]);
    let integers = |name: &str| -> Vec<u32> {
        fixture.tensor(name).to_vec1::<i64>().unwrap().into_iter().map(|label| label as u32).collect()
    };
    let labels = integers("labels");
    let [transitions, start, end] = ["transitions", "start", "end"].map(|name| fixture.parameter(name));
    let chain = Chain { transitions, start, end };
    for tape in tapes() {
        let emissions = tape.parameter(&fixture.parameter("emissions")).unwrap();
        let loss = nn::crf_loss(&tape, &emissions, &chain, &packing, &labels, labels.len() as f64).unwrap();
        assert_close("loss", &[loss.value as f32], &fixture.values("loss"));
        let decoded = nn::crf::decode(&emissions.to_vec().unwrap(), &chain, &packing).unwrap();
        assert_eq!(decoded.labels, integers("best"));
        let marginals: Vec<f32> = decoded.log_marginals.iter().map(|x| x.exp()).collect();
        assert_close("marginals", &marginals, &fixture.values("marginals"));
        let mut gradients = Gradients::default();
        tape.backward(loss, &mut gradients).unwrap();
        fixture.assert_gradients(&gradients);
    }
}
