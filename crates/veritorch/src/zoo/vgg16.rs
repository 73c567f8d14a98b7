//! VGG-16 in its CIFAR-10 shape [Simonyan, Zisserman 2015, configuration D]: thirteen 3x3 convolutions, five maximum
//! pools, classifier 512-512-512-10; 15.2M parameters.

use veritorch_graph::model::ModelGraph;

use super::network::Network;

pub(super) fn build() -> ModelGraph {
    let (mut net, mut x) = Network::new("vgg16-cifar", "x", &[1, 3, 32, 32]);
    let mut index = 0;
    for (stage, channels) in [&[64, 64][..], &[128; 2], &[256; 3], &[512; 3], &[512; 3]].into_iter().enumerate() {
        for &outputs in channels {
            index += 1;
            let y = net.conv(&format!("conv{index}"), x, outputs, 3, 1, 1.0);
            x = net.relu(&format!("relu{index}"), y);
        }
        x = net.max_pool(&format!("pool{}", stage + 1), x, 2);
    }
    x = net.flatten("flatten", x);
    for index in 1..=2 {
        let y = net.linear(&format!("fc{index}"), x, 512);
        x = net.relu(&format!("relu_fc{index}"), y);
    }
    x = net.linear("fc3", x, 10);
    net.finish(x)
}
