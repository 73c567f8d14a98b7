//! Openings of a model commitment: counted, given away, lost and found, and never lost to a prover that is killed.

use std::process::Stdio;
use std::time::Instant;

use crate::support::{Place, files};

fn compiled(lifetime: &str) -> Place {
    let place = Place::new();
    place.good(&["compile", "model.onnx", "--calibration", "cal.npz", "-o", "a.vt", "--lifetime", lifetime]);
    place
}

fn left(place: &Place) -> u64 {
    place.json(&["ledger", "a.vt", "--json"])["left"].as_u64().unwrap()
}

const PROVE: [&str; 6] = ["prove", "a.vt", "--input", "x.npz", "-o", "p.proof"];

#[test]
fn a_lifetime_ends() {
    let place = compiled("2");
    assert_eq!(place.json(&["inspect", "a.vk", "--json"])["lifetime"], 2);
    for proofs_left in [1, 0] {
        place.good(&PROVE);
        assert_eq!(left(&place), proofs_left);
    }
    place.bad(&PROVE, 2, &["all 2 openings", "hint: `veritorch renew MODEL.vt -o NEW.vt`"]);
    assert!(place.good(&["inspect", "a.vt"]).contains("2 proofs, 0 openings left"));
    assert!(place.good(&["ledger", "a.vt"]).starts_with("0 of 2 openings left, 2 used\n"));
    // A refused input is refused before anything is counted.
    let place = compiled("1");
    place.write("bad.npz", &files::npz(&[("x", &[1, 4], &[f32::NAN, 0.0, 0.0, 0.0])]));
    place.bad(&["prove", "a.vt", "--input", "bad.npz", "-o", "p.proof"], 2, &["NaN"]);
    assert_eq!(left(&place), 1);
}

#[test]
fn public_weights_have_no_ledger() {
    let place = Place::new();
    let compile = ["compile", "model.onnx", "--calibration", "cal.npz", "-o", "a.vt", "--weights", "public"];
    place.bad(&[&compile[..], &["--lifetime", "3"]].concat(), 2, &["lifetime: public weights"]);
    place.good(&compile);
    assert!(!place.names().contains(&"a.vt.ledger".to_owned()));
    place.good(&PROVE);
    place.bad(&["ledger", "a.vt"], 2, &["public"]);
    assert!(place.good(&["inspect", "a.vt"]).contains("unlimited"));
}

#[test]
fn openings_are_given_to_another_ledger() {
    let place = compiled("5");
    place.good(&["ledger", "split", "a.vt", "--openings", "2", "-o", "other.ledger"]);
    assert_eq!(left(&place), 3);
    place.bad(&["ledger", "split", "a.vt", "--openings", "9", "-o", "more.ledger"], 2, &["9 openings", "3 left"]);
    place.bad(&["ledger", "split", "a.vt", "--openings", "1", "-o", "other.ledger"], 2, &["exists"]);
    std::fs::copy(place.path("a.vt"), place.path("b.vt")).unwrap();
    std::fs::rename(place.path("other.ledger"), place.path("b.vt.ledger")).unwrap();
    let shown = place.json(&["ledger", "b.vt", "--json"]);
    assert_eq!((shown["left"].as_u64(), shown["machine"].as_str()), (Some(2), Some("none yet")));
    place.good(&["prove", "b.vt", "--input", "x.npz", "-o", "p.proof"]);
    assert_eq!(place.json(&["ledger", "b.vt", "--json"])["machine"], "this one");
    assert_eq!(left(&place), 3);
    place.bad(&["inspect", "b.vt.ledger"], 2, &["a ledger (.ledger)", "veritorch ledger"]);
}

#[test]
fn a_ledger_is_never_made_up() {
    let place = compiled("5");
    let fresh = place.read("a.vt.ledger");
    std::fs::remove_file(place.path("a.vt.ledger")).unwrap();
    place.bad(&PROVE, 2, &["there is no ledger", "hint:"]);
    place.write("a.vt.ledger", &fresh[..fresh.len() - 3]);
    place.bad(&PROVE, 2, &["truncated"]);
    place.write("a.vt.ledger", &fresh);
    place.good(&PROVE);
    // From here on this machine knows better than a copy, and than nothing.
    place.write("a.vt.ledger", &fresh);
    assert_eq!(left(&place), 4);
    std::fs::remove_file(place.path("a.vt.ledger")).unwrap();
    place.good(&PROVE);
    assert_eq!(left(&place), 3);
}

#[cfg(unix)]
#[test]
fn secret_files_are_their_owners() {
    use std::os::unix::fs::PermissionsExt;
    let place = compiled("5");
    for name in ["a.vt", "a.vt.ledger"] {
        let mode = std::fs::metadata(place.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    std::fs::set_permissions(place.path("a.vt"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let outcome = place.call(&PROVE);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("warning: `a.vt` holds private weights and others can read it"), "{}", outcome.stderr);
}

#[test]
fn a_prover_that_is_killed_loses_nothing_but_its_opening() {
    const KILLS: u64 = 20;
    let place = compiled("40");
    let start = Instant::now();
    place.good(&PROVE);
    let whole = start.elapsed();
    std::fs::remove_file(place.path("p.proof")).unwrap();
    let mut before = left(&place);
    let mut moment = 1u64;
    for kill in 0..KILLS {
        let mut child = place.command(&PROVE).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Moments that spread over the whole run, one a little after its usual end.
        moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let jitter = (moment >> 33) % 1000;
        std::thread::sleep(whole.mul_f64((kill as f64 + jitter as f64 / 1000.0) / KILLS as f64));
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        let now = left(&place);
        assert!(now == before || now == before - 1, "{before} openings became {now}");
        if place.path("p.proof").exists() {
            // A proof is there whole or not at all, and was counted.
            place.good(&["verify", "a.vk", "p.proof"]);
            assert_eq!(now, before - 1);
            std::fs::remove_file(place.path("p.proof")).unwrap();
        } else {
            assert!(!ended.success());
        }
        before = now;
    }
    assert!(before < 39, "no prover got as far as its reservation");
    place.good(&PROVE);
    place.good(&["verify", "a.vk", "p.proof"]);
    assert_eq!(left(&place), before - 1);
}

#[test]
fn a_renewed_commitment_has_the_same_identity() {
    let place = compiled("2");
    place.good(&PROVE);
    place.good(&["verify", "a.vk", "p.proof"]);
    place.bad(&["renew", "a.vt", "-o", "a.vt"], 2, &["--output"]);
    let renewed = place.json(&["renew", "a.vt", "-o", "b.vt", "--json"]);
    let identity = place.json(&["inspect", "a.vk", "--json"])["model_commitment"].clone();
    assert_eq!(renewed["model_commitment"], identity);
    assert_eq!((renewed["renewals"].as_u64(), renewed["openings_left"].as_u64()), (Some(1), Some(1)));
    let prove = ["prove", "b.vt", "--input", "x.npz", "-o", "q.proof"];
    place.good(&prove);
    let verified = place.json(&["verify", "b.vk", "q.proof", "--json"]);
    assert_eq!(verified["model_commitment"], identity);
    place.bad(&prove, 2, &["all 1 openings"]);
    // Proofs belong to their tables, and a table is renewed once.
    place.bad(&["verify", "a.vk", "q.proof"], 1, &["error:"]);
    place.bad(&["verify", "b.vk", "p.proof"], 1, &["error:"]);
    place.bad(&["renew", "a.vt", "-o", "c.vt"], 2, &["renewed before"]);
    assert!(!place.path("c.vt").exists());
    // What is left of the old table's openings is still good for the old key.
    place.good(&PROVE);
    place.good(&["renew", "b.vt", "-o", "c.vt"]);
    assert!(place.good(&["inspect", "c.vk"]).contains("renewals          2"));
    place.good(&["prove", "c.vt", "--input", "x.npz", "-o", "r.proof"]);
    place.good(&["verify", "c.vk", "r.proof"]);
}

#[test]
fn a_commitment_for_one_proof_is_not_renewed() {
    let place = compiled("1");
    place.bad(&["renew", "a.vt", "-o", "b.vt"], 2, &["single proof", "--lifetime"]);
    assert_eq!(place.json(&["ledger", "a.vt", "--json"])["renewal"], "possible");
}
