//! The MNIST network of the CNTK tutorials: two 5x5 convolutions, two maximum pools, one linear layer; 5,998 parameters.

use veritorch_graph::model::ModelGraph;

use super::network::Network;

pub(super) fn build() -> ModelGraph {
    let (mut net, x) = Network::new("mnist-cnn", "x", &[1, 1, 28, 28]);
    let x = net.conv("conv1", x, 8, 5, 1, 1.0);
    let x = net.relu("relu1", x);
    let x = net.max_pool("pool1", x, 2);
    let x = net.conv("conv2", x, 16, 5, 1, 1.0);
    let x = net.relu("relu2", x);
    let x = net.max_pool("pool2", x, 3);
    let x = net.flatten("flatten", x);
    let x = net.linear("fc", x, 10);
    net.finish(x)
}
