//! Folders that are not as they should be: one error each, which names the file and what is wrong in it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use veritorch_checkpoint::{LoadOptions, load};

use crate::{copy, fixture, stories};

/// Changes a copy of a fixture; the error must have all these words.
fn refused(name: &str, change: impl Fn(&Path), words: &[&str]) {
    let folder = copy(&fixture(name));
    change(folder.path());
    let error = load(folder.path(), &LoadOptions::new(12)).expect_err(&format!("expected {words:?}"));
    let text = error.to_string();
    assert!(words.iter().all(|word| text.contains(word)), "{text}: expected {words:?}");
}

/// Sets an option of `config.json`; `null` takes it away.
fn set(option: &str, value: Value) -> impl Fn(&Path) {
    move |folder| {
        let path = folder.join("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).expect("config")).expect("json");
        config[option] = value.clone();
        fs::write(&path, config.to_string()).expect("written");
    }
}

/// Changes the header of `model.safetensors`.
fn reheader(change: impl Fn(&mut Value)) -> impl Fn(&Path) {
    move |folder| {
        let path = folder.join("model.safetensors");
        let bytes = fs::read(&path).expect("weights");
        let (length, rest) = bytes.split_first_chunk::<8>().expect("length");
        let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
        let mut header: Value = serde_json::from_slice(header).expect("json");
        change(&mut header);
        let header = header.to_string();
        fs::write(&path, [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()).expect("written");
    }
}

#[test]
fn files_that_are_missing() {
    let remove = |name: &'static str| move |folder: &Path| fs::remove_file(folder.join(name)).expect("removed");
    refused("llama", remove("config.json"), &["config.json"]);
    refused("llama", remove("model.safetensors"), &["neither model.safetensors nor"]);
    refused("llama-sharded", remove("model-00002-of-00003.safetensors"), &["model-00002-of-00003.safetensors"]);
    refused("bert", |folder| fs::remove_dir_all(folder.join("1_Pooling")).expect("removed"), &["1_Pooling", "config.json"]);
}

#[test]
fn configurations() {
    refused("llama", |folder| fs::write(folder.join("config.json"), "{").expect("written"), &["config.json", "not JSON"]);
    refused("llama", |folder| fs::write(folder.join("config.json"), "[]").expect("written"), &["expected a JSON object"]);
    refused("llama", set("architectures", json!(["MambaForCausalLM"])), &["MambaForCausalLM", "or LlamaForCausalLM"]);
    refused("llama", set("architectures", json!(null)), &["architecture"]);
    refused("llama", set("hidden_size", json!(null)), &["config.json", "`hidden_size`", "is missing"]);
    refused("llama", set("hidden_size", json!(-3)), &["`hidden_size`", "-3"]);
    refused("llama", set("hidden_size", json!(25)), &["model.embed_tokens.weight", "[40, 25]", "[40, 24]"]);
    refused("llama", set("vocab_size", json!(2_000_000_000)), &["model.embed_tokens.weight", "[40, 24]"]);
    refused("llama", set("num_hidden_layers", json!(2_000_000_000)), &["model.layers.2.input_layernorm.weight", "is missing"]);
    refused("llama", set("num_attention_heads", json!(2_000_000_000)), &["self_attn.q_proj.weight"]);
    refused("llama", set("num_key_value_heads", json!(3)), &["`num_key_value_heads`", "3"]);
    refused("llama", set("head_dim", json!(7)), &["`head_dim`", "odd"]);
    refused("llama", set("head_dim", json!(2_000_000_000)), &["self_attn.q_proj.weight"]);
    refused("llama", set("hidden_act", json!("quick_gelu")), &["`hidden_act`", "quick_gelu"]);
    refused("llama", set("rms_norm_eps", json!(0)), &["`rms_norm_eps`"]);
    refused("llama", set("rms_norm_eps", json!(1e-60)), &["`rms_norm_eps`"]);
    refused("llama", set("rope_parameters", json!({"rope_type": "yarn"})), &["`rope_parameters.rope_type`", "yarn"]);
    refused("llama", set("partial_rotary_factor", json!(0.5)), &["`partial_rotary_factor`"]);
    refused("llama", set("quantization_config", json!({"bits": 4})), &["`quantization_config`"]);
    refused("llama", set("attention_bias", json!("yes")), &["`attention_bias`", "yes"]);
    refused("gpt2", set("add_cross_attention", json!(true)), &["`add_cross_attention`"]);
    refused("gpt2", set("n_head", json!(5)), &["`n_head`"]);
    refused("bert", set("position_embedding_type", json!("relative_key")), &["`position_embedding_type`", "relative_key"]);
    refused("bert", set("is_decoder", json!(true)), &["`is_decoder`"]);
}

#[test]
fn tensors() {
    refused("llama", set("attention_bias", json!(false)), &["8 tensors have no place", "self_attn.k_proj.bias"]);
    refused("llama", set("num_hidden_layers", json!(1)), &["tensors have no place in LlamaForCausalLM", "model.layers.1."]);
    refused("gpt2", set("n_layer", json!(3)), &["transformer.h.2.ln_1.weight", "is missing"]);
    let retype = |header: &mut Value| header["model.norm.weight"]["dtype"] = json!("I32");
    refused("llama", reheader(retype), &["model.safetensors", "model.norm.weight", "I32"]);
    let rename = |header: &mut Value| {
        let header = header.as_object_mut().expect("object");
        let norm = header.remove("model.norm.weight").expect("norm");
        header.insert("model.norm.bias".into(), norm);
    };
    refused("llama", reheader(rename), &["model.norm.weight", "is missing", "[24]"]);
    for (key, value) in [
        ("dtype", json!("F33")),
        ("shape", json!([25])),
        ("shape", json!([u64::MAX, u64::MAX])),
        ("shape", json!(null)),
        ("data_offsets", json!([0])),
        ("data_offsets", json!([96, 0])),
        ("data_offsets", json!([0, u64::MAX])),
    ] {
        let words = ["model.safetensors", "the header does not describe the file"];
        refused("llama", reheader(|header| header["model.norm.weight"][key] = value.clone()), &words);
    }
}

#[test]
fn weights_that_are_not_finite() {
    let poison = |folder: &Path| {
        let path = folder.join("model.safetensors");
        let mut bytes = fs::read(&path).expect("weights");
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        fs::write(&path, bytes).expect("written");
    };
    refused("llama", poison, &["value `", "NaN"]);
}

#[test]
fn truncated_weights() {
    let whole = fs::read(fixture("llama").join("model.safetensors")).expect("weights");
    for length in [0, 4, 8, 100, 5_000, whole.len() - 1] {
        let cut = |folder: &Path| fs::write(folder.join("model.safetensors"), &whole[..length]).expect("written");
        refused("llama", cut, &["model.safetensors"]);
    }
    let huge = |folder: &Path| fs::write(folder.join("model.safetensors"), [0xff; 16]).expect("written");
    refused("llama", huge, &["model.safetensors", "header"]);
}

#[test]
fn indices() {
    let index = |content: &'static str| {
        move |folder: &Path| fs::write(folder.join("model.safetensors.index.json"), content).expect("written")
    };
    refused("llama-sharded", index("{}"), &["weight_map"]);
    refused("llama-sharded", index(r#"{"weight_map": {}}"#), &["0 shards"]);
    refused("llama-sharded", index(r#"{"weight_map": {"a": "../secret.safetensors"}}"#), &["../secret.safetensors", "beside"]);
    refused("llama-sharded", index(r#"{"weight_map": {"a": "/etc/passwd"}}"#), &["/etc/passwd", "beside"]);
    refused("llama-sharded", index(r#"{"weight_map": {"a": 3}}"#), &["`a`", "beside"]);
    let twice = |folder: &Path| {
        let [one, two] = ["model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors"].map(|name| folder.join(name));
        fs::copy(one, two).map(drop).expect("copied");
    };
    refused("llama-sharded", twice, &["as well"]);
}

#[test]
fn pooling() {
    let modules = |content: &'static str| move |folder: &Path| fs::write(folder.join("modules.json"), content).expect("written");
    refused("bert", modules("{}"), &["modules.json", "list"]);
    refused("bert", modules(r#"[{"type": "a.Transformer", "path": ""}, {"type": "a.Dense", "path": "2"}]"#), &["a.Dense"]);
    refused("bert", modules(r#"[{"type": "a.Transformer", "path": ""}, {"type": "a.Pooling", "path": "../x"}]"#), &["../x"]);
    let max = |folder: &Path| fs::write(folder.join("1_Pooling/config.json"), r#"{"pooling_mode_max_tokens": true}"#).expect("written");
    refused("bert", max, &["pooling_mode_max_tokens", "max"]);
}

#[test]
fn tokenizers() {
    let broken = |folder: &Path| fs::write(folder.join("tokenizer.json"), "{}").expect("written");
    refused("bert", broken, &["tokenizer.json"]);
    let foreign = |folder: &Path| fs::copy(stories().join("tokenizer.json"), folder.join("tokenizer.json")).map(drop).expect("copied");
    refused("gpt2", foreign, &["tokenizer.json", "has 512 tokens, the model 40"]);
}

#[test]
fn sequences_beyond_the_positions() {
    for (name, positions) in [("llama", 64), ("gpt2", 32), ("bert", 32)] {
        assert!(load(&fixture(name), &LoadOptions::new(positions)).is_ok());
        for seq_len in [0, positions + 1, usize::MAX] {
            let error = load(&fixture(name), &LoadOptions::new(seq_len)).expect_err("length").to_string();
            assert!(error.contains(&format!("expected 1 to {positions}")), "{error}");
        }
    }
    let folder = copy(&fixture("llama"));
    set("max_position_embeddings", json!(2_000_000_000))(folder.path());
    let error = load(folder.path(), &LoadOptions::new(1_000_000_000)).expect_err("length").to_string();
    assert!(error.contains("expected 1 to 16384"), "{error}");
}
