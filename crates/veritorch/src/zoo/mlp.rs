//! Multilayer perceptron 784-128-10 with ReLU: 101,770 parameters.

use veritorch_graph::model::ModelGraph;

use super::network::Network;

pub(super) fn build() -> ModelGraph {
    let (mut net, x) = Network::new("mlp", "x", &[1, 784]);
    let x = net.linear("fc1", x, 128);
    let x = net.relu("relu1", x);
    let x = net.linear("fc2", x, 10);
    net.finish(x)
}
