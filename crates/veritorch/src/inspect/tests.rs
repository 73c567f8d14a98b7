//! Inspection of a small circuit as text and as a page.

use veritorch_graph::circuit::{CircuitBuilder, ConvGeometry, Visibility};
use veritorch_graph::gadgets;
use veritorch_prove::SecurityTerm;

use super::*;

fn sample() -> Inspection {
    let policy = Policy { input: Visibility::Public, ..Policy::default() };
    let mut builder = CircuitBuilder::new("small <net>", policy);
    builder.set_node("x");
    let x = gadgets::input(&mut builder, "x", &[2, 4, 4], (-128, 8), 0.5).unwrap();
    builder.set_node("conv");
    let w = builder.weight("conv.weight", [9, 3, 2], &[3; 54]).unwrap();
    let geometry = ConvGeometry { kernel: [3, 3], strides: [1, 1], dilations: [1, 1], pads: [1, 1], groups: 1 };
    let y = builder.conv("conv", x, w, geometry, [4, 4]).unwrap();
    let y = gadgets::requantise(&mut builder, "conv:out", y, 4, gadgets::signed_range()).unwrap().value;
    builder.set_node("flatten");
    let y = builder.reshape("flat", y, &[48]).unwrap();
    builder.output("y", y, &[48], vec![8.0]);
    let circuit = builder.finish().unwrap();
    Inspection::new(Subject {
        kind: "verifier's key",
        model: &circuit.name,
        circuit_digest: &circuit.digest().0,
        model_identity: &[7; 32],
        profile: Profile::Standard,
        policy,
        batch: 1,
        security: SecurityReport::new(vec![SecurityTerm { name: "lookup".to_owned(), bits: 104.0 }]),
    })
    .with_circuit(&circuit)
}

#[test]
fn nodes_gather_their_tensors() {
    let report = sample();
    let names: Vec<&str> = report.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["x", "conv", "flatten"]);
    let conv = &report.nodes[1];
    assert_eq!(conv.kind, NodeKind::Convolution);
    assert_eq!(conv.op, "conv 3x3, rescale");
    assert_eq!(conv.reads, [0]);
    assert_eq!(conv.work.macs, 48 * 18);
    assert_eq!(conv.work.committed, 48);
    assert_eq!(conv.work.lookups, 96);
    assert_eq!(conv.work.weights, 54);
    assert_eq!(report.nodes[2].outputs, ["y"]);
    assert_eq!(report.nodes[2].protocol, "claim rewrite");
    assert_eq!(report.totals.unwrap().parameters, 54);
}

#[test]
fn measured_seconds_are_shared_out_whole() {
    let mut report = sample();
    report.set_measured(&[("lookups".to_owned(), 2.0), ("linear layers".to_owned(), 1.0), ("other".to_owned(), 5.0)]);
    let shared: f64 = report.nodes.iter().filter_map(|node| node.measured_seconds).sum();
    assert!((shared - 3.0).abs() < 1e-9, "{shared}");
    // tables, padding and grinding belong to no node
    let nodes: f64 = report.nodes.iter().map(|node| node.predicted_seconds).sum();
    assert!(report.totals.unwrap().predicted_seconds > nodes);
    assert!(report.phases.iter().any(|phase| phase.name == "other"));
}

#[test]
fn the_page_is_whole_and_escaped() {
    let page = sample().to_html();
    assert!(page.contains("small &lt;net&gt;"));
    assert!(!page.contains("small <net>"));
    assert!(!page.contains("http://") || page.matches("http://").count() == 1, "only the namespace of SVG");
    assert!(!page.contains("https://") && !page.contains("src="));
    assert_eq!(page.matches("class=\"node ").count(), 3);
    assert_eq!(page.matches("class=\"edge\"").count(), 2);
    assert_eq!(page.matches("<script").count(), 2);
}

#[test]
fn the_text_names_every_node_and_term() {
    let text = sample().to_string();
    for part in ["conv 3x3, rescale", "convolution sumcheck, commit + lookup", "lookup", "104.0", "flatten"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let json = serde_json::to_value(sample()).unwrap();
    assert_eq!(json["nodes"][1]["kind"], "convolution");
}

#[test]
fn bits_are_rounded_down() {
    for (exact, shown) in [(104.36, "104.3"), (104.3, "104.3"), (99.999, "99.9"), (100.0, "100.0"), (128.95, "128.9")] {
        assert_eq!(super::bits(exact), shown);
        assert_eq!(super::bits(super::whole_tenths(exact)), shown);
    }
}
