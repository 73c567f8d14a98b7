//! ResNet-20 for CIFAR-10 [He et al. 2016, sec. 4.2]: three stages of three blocks, 16 to 64 channels, padded shortcuts.

use veritorch_graph::model::ModelGraph;

use super::network::Network;

pub(super) fn build() -> ModelGraph {
    let (mut net, x) = Network::new("resnet20-cifar", "x", &[1, 3, 32, 32]);
    let x = net.conv("conv1", x, 16, 3, 1, 1.0);
    let mut x = net.relu("relu1", x);
    for (stage, channels) in [16, 32, 64].into_iter().enumerate() {
        for block in 0..3 {
            let name = format!("layer{}.{block}", stage + 1);
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let y = net.conv(&format!("{name}.conv1"), x, channels, 3, stride, 1.0);
            let y = net.relu(&format!("{name}.relu1"), y);
            let y = net.conv(&format!("{name}.conv2"), y, channels, 3, 1, 0.5);
            let shortcut = if stride == 2 { net.padded_shortcut(&format!("{name}.shortcut"), x, channels) } else { x };
            let sum = net.add(&format!("{name}.add"), y, shortcut);
            x = net.relu(&format!("{name}.relu2"), sum);
        }
    }
    let x = net.global_average("pool", x);
    let x = net.linear("fc", x, 10);
    net.finish(x)
}
